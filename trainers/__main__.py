"""The command line: ``python -m trainers FAMILY ...`` trains, ``python -m trainers data ...`` prepares data."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from trainers.common.errors import TrainerError
from trainers.common.menu import Command, Menu


def _command(module: str, summary: str) -> Command:
    def run(arguments: Sequence[str]) -> int:
        # imported only now: asking for help, or preparing data, should not wait for torch
        status: int = importlib.import_module(module).main(arguments)
        return status

    return Command(summary=summary, run=run)


MENU = Menu(
    program="python -m trainers",
    commands={
        "char_gpt": _command("trainers.char_gpt.command", "token-level GPT with a buffered stream of batches"),
        "gpt2": _command("trainers.gpt2.command", "GPT-2 with a choice of optimizers and pruning methods"),
        "occ": _command("trainers.occ.command", "codes for descriptions of occupations"),
        "stream": _command("trainers.stream.command", "the next token of a stream of texts, with charts"),
        "data": _command("trainers.datasets.command", "prepare a data directory"),
    },
    examples="python -m trainers COMMAND --help lists the arguments of one command",
)


def main(arguments: Sequence[str]) -> int:
    """Run one command.

    Returns the exit status: 0, or 2 after a ``TrainerError``, whose message is printed as one line. Whatever else goes
    wrong is a defect or a failure of the machine, and keeps its traceback.
    """
    try:
        return MENU.run(arguments)
    except TrainerError as error:
        print(f"trainers: error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
