"""A program of several commands: its help, and the choice of one of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from trainers.common.errors import ConfigError


class Command(NamedTuple):
    """A line of the help, and what is done with the arguments behind the command's name: the exit status."""

    summary: str
    run: Callable[[Sequence[str]], int]


class Menu:
    """The commands of a program; no settings of a run, and so no dataclass."""

    def __init__(self, *, program: str, commands: Mapping[str, Command], about: str = "", examples: str) -> None:
        """Take the commands of ``program`` by name, and what its help says before and after them."""
        self.program = program
        self.commands = commands
        self.about = about
        self.examples = examples

    def usage(self) -> str:
        """Return the text of the help."""
        width = max(map(len, self.commands))
        lines = [f"  {name:<{width}}  {command.summary}" for name, command in self.commands.items()]
        begin = [f"usage: {self.program} COMMAND [arguments]", "", *([self.about, ""] if self.about else [])]
        return "\n".join([*begin, "commands:", *lines, "", self.examples])

    def run(self, arguments: Sequence[str]) -> int:
        """Run the command that the first argument names, with hyphens or underscores; returns the exit status.

        Help is printed when it is asked for, and, with status 2, when there are no arguments.

        Raises:
            ConfigError: there is no such command.
        """
        if not arguments or arguments[0] in ("-h", "--help"):
            print(self.usage(), file=sys.stdout if arguments else sys.stderr)
            return 0 if arguments else 2
        given, *rest = arguments
        for name, command in self.commands.items():
            if _plain(name) == _plain(given):
                return command.run(rest)
        raise ConfigError([f"unknown command {given!r}, expected one of: {', '.join(self.commands)}"])


def _plain(name: str) -> str:
    return name.replace("-", "_")
