"""From an old command line to the new one, which trains the same way."""

from __future__ import annotations

import shlex
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from trainers.__main__ import main

COMMAND = "python -m trainers"


@dataclass(frozen=True, kw_only=True)
class OldEntry:
    """An entry point that has moved.

    ``renamed`` maps its options to those of the new command, ``fixed`` is what the new command has to be told in
    addition so that it does what the old one did unasked.
    """

    name: str
    fixed: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...] = ()

    def translate(self, arguments: Sequence[str]) -> list[str]:
        """Return the arguments of ``python -m trainers`` that stand for the old ``arguments``."""
        return ["gpt2", *self.fixed, *(self._translate_word(word) for word in arguments)]

    def run(self, arguments: Sequence[str]) -> int:
        """Warn, and train as ever; returns the exit status."""
        translated = self.translate(arguments)
        # shown by default, unlike a DeprecationWarning outside of the main module
        warnings.warn(
            f"{self.name} is deprecated and will be removed; use {COMMAND} {shlex.join(translated)}",
            FutureWarning,
            stacklevel=2,
        )
        return main(translated)

    def _translate_word(self, word: str) -> str:
        option, equals, value = word.partition("=")
        return dict(self.renamed).get(option, option) + equals + value


TRAIN = OldEntry(name="train.py", fixed=("--architecture", "vanilla", "--save-checkpoint"))
TRAIN_RA_MLA = OldEntry(
    name="train_ra_mla.py",
    fixed=("--architecture", "unified-ra", "--save-checkpoint"),
    renamed=(("--checkpoint-dir", "--output-dir"),),
)


def leave(entry: OldEntry) -> None:
    """Run an old entry point with the arguments of the process, and end the process."""
    sys.exit(entry.run(sys.argv[1:]))
