"""Training commands: checked before they run, and turned into several ranks where asked."""

import os
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from parity.errors import CommandNotFoundError, IsolatedInterpreterError, UsageError
from parity.record.pth import is_installed
from parity.trace.sketches import Schedule

_VALUE_FLAGS: Final = frozenset({"-W", "-X", "--check-hash-based-pycs"})
_ISOLATING: Final = re.compile(r"-[a-zA-VY-Z]*[EI]")
_PROGRAM: Final = re.compile(r"-([a-zA-VY-Z]*?)([mc])(.*)", re.DOTALL)


def split_command(command: str | Sequence[str]) -> list[str]:
    """The words of a command line, split as a POSIX shell would.

    Raises:
        UsageError: the command is empty or its quotes do not match.
    """
    if not isinstance(command, str):
        words = list(command)
    else:
        try:
            words = shlex.split(command)
        except ValueError as error:
            message = f"the command {command!r} cannot be split into words ({error}); quote it as a shell would need it"
            raise UsageError(message) from error
    if not words:
        message = "a command is empty; expected something like: python train.py"
        raise UsageError(message)
    return words


def check_command(words: Sequence[str], directory: Path) -> None:
    """Refuse what cannot be run or cannot be recorded.

    Raises:
        CommandNotFoundError: the program, or the script it is given, does not exist.
        IsolatedInterpreterError: Python is told to ignore the environment, through which recording works.
    """
    program = words[0]
    if shutil.which(program, path=os.environ.get("PATH")) is None and not _is_executable(directory / program):
        message = f"the command {program!r} does not exist; expected a program on PATH or a path from {directory.name}/"
        raise CommandNotFoundError(message)
    if not is_python(program):
        return
    flags, rest = _interpreter_flags(words)
    isolating = [flag for flag in flags if _ISOLATING.match(flag)]
    if isolating and not is_installed(program):
        message = (
            f"{isolating[0]!r} makes Python ignore its environment, and recording starts there; run without it, or let "
            f"this interpreter record nevertheless: parity doctor --install-pth --python {program}"
        )
        raise IsolatedInterpreterError(message)
    if rest and not rest[0].startswith("-") and not (directory / rest[0]).exists():
        message = f"the script {rest[0]!r} does not exist; expected a path from {directory.name}/"
        raise CommandNotFoundError(message)


def check_sketches(schedule: str, updates: int | None) -> None:
    """Refuse a schedule of sketches that means nothing.

    Raises:
        UsageError: it is none, or counts from the end of a run whose end is not known.
    """
    try:
        parsed = Schedule.parse(schedule)
    except ValueError as error:
        message = f"--sketch {error}"
        raise UsageError(message) from error
    if parsed.kind == "last" and updates is None:
        message = f"--sketch {schedule} needs --updates: nobody knows which updates of this run will be its last"
        raise UsageError(message)


def across_ranks(words: Sequence[str], world: int) -> list[str]:
    """The command that runs ``words`` as ``world`` processes through torchrun.

    Raises:
        UsageError: the command is no plain Python program.
    """
    flags, rest = _interpreter_flags(words) if is_python(words[0]) else ([], [])
    if not rest or rest[0] in ("-c", "-"):
        message = (
            f"--world {world} needs a command of the form 'python SCRIPT ...' or 'python -m MODULE ...', "
            f"not {shlex.join(words)!r}; put torchrun into the command and leave --world out"
        )
        raise UsageError(message)
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={world}"]
    return [words[0], *flags, *torchrun, *rest]


def is_python(program: str) -> bool:
    """Whether ``program`` is a Python interpreter by its name."""
    name = Path(program).name
    return (name.startswith("python") and name.removeprefix("python").replace(".", "").isdecimal()) or name == "python"


def _interpreter_flags(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split what follows the interpreter into its own flags and the program it runs."""
    index = 1
    while index < len(words) and words[index].startswith("-") and words[index] != "-":
        program = _PROGRAM.fullmatch(words[index])
        if program:
            flags, letter, value = program.groups()
            before = [*words[1:index], *([f"-{flags}"] if flags else [])]
            return before, [f"-{letter}", *([value] if value else []), *words[index + 1 :]]
        index += 2 if words[index] in _VALUE_FLAGS else 1
    return list(words[1:index]), list(words[index:])


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
