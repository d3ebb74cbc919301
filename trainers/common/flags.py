"""Typed configurations from the command line in the usual form: ``--batch-size 64 --compile --no-bias``."""

from __future__ import annotations

import argparse
import types
from collections.abc import Mapping, Sequence
from typing import NoReturn

from trainers.common.config import ConfigT, Option, build_config, options_of
from trainers.common.errors import ConfigError


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raise instead of leaving: whoever called decides what an error looks like."""
        raise ConfigError([message])


def parse_flags(
    config_type: type[ConfigT],
    arguments: Sequence[str],
    *,
    program: str,
    description: str,
    aliases: Mapping[str, str],
) -> ConfigT:
    """Read the configuration that the command line asks for; ``aliases`` maps further flags to keys.

    Prints the list of flags and leaves where ``--help`` is among the arguments.

    Raises:
        ConfigError: a flag is unknown, or a value is of the wrong type or senseless.
    """
    parser = _Parser(prog=program, description=description, allow_abbrev=False)
    groups: dict[str, argparse._ArgumentGroup] = {}
    for entry in options_of(config_type).values():
        if entry.group not in groups:
            groups[entry.group] = parser.add_argument_group(entry.group.replace("_", " "))
        spellings = [_flag(entry.key), *(flag for flag, key in aliases.items() if key == entry.key)]
        _add(groups[entry.group], spellings, entry)
    config = build_config(config_type, vars(parser.parse_args(list(arguments))))
    problems = list(config.problems())
    if problems:
        raise ConfigError(problems)
    return config


def _flag(key: str) -> str:
    return "--" + key.replace("_", "-")


def _add(group: argparse._ArgumentGroup, spellings: Sequence[str], entry: Option) -> None:
    # argparse formats the text, and a percent sign would start a placeholder
    text = f"{entry.help_text} (default {entry.default})".replace("%", "%%")
    if bool in entry.accepted:
        action = argparse.BooleanOptionalAction
        group.add_argument(*spellings, dest=entry.key, action=action, default=entry.default, help=text)
        return
    (kind,) = (one for one in entry.accepted if one is not types.NoneType)
    name = kind.__name__.upper()
    group.add_argument(*spellings, dest=entry.key, type=kind, default=entry.default, help=text, metavar=name)
