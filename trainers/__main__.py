"""The command line: ``python -m trainers FAMILY ...`` trains, ``python -m trainers data ...`` prepares data."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from trainers.common.errors import TrainerError

COMMANDS = {
    "char_gpt": ("trainers.char_gpt.command", "token-level GPT with a buffered stream of batches"),
    "gpt2": ("trainers.gpt2.command", "GPT-2 with a choice of optimizers and pruning methods"),
    "occ": ("trainers.occ.command", "codes for descriptions of occupations"),
    "stream": ("trainers.stream.command", "the next token of a stream of texts, with charts"),
    "data": ("trainers.datasets.command", "prepare a data directory"),
}


def usage() -> str:
    """Return the text of ``python -m trainers --help``."""
    lines = ["usage: python -m trainers COMMAND [arguments]", "", "commands:"]
    lines += [f"  {name:<10} {summary}" for name, (_, summary) in COMMANDS.items()]
    lines += ["", "python -m trainers COMMAND --help lists the arguments of one command"]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Run one command.

    Returns the exit status: 0, or 2 after a ``TrainerError``, whose message is printed as one line. Whatever else goes
    wrong is a defect or a failure of the machine, and keeps its traceback.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage(), file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    given, *rest = arguments
    name = given.replace("-", "_")
    if name not in COMMANDS:
        print(f"trainers: error: unknown command {given!r}, expected one of: {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    module, _ = COMMANDS[name]
    try:
        # imported only now: asking for help, or preparing data, should not wait for torch
        status: int = importlib.import_module(module).main(rest)
    except TrainerError as error:
        print(f"trainers: error: {error}", file=sys.stderr)
        return 2
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
