"""Byte-level byte-pair encoding as GPT-2 does it, from files: ``vocab.json`` and ``merges.txt`` of one directory.

It needs the package tokenizers, which is an extra: ``pip install training-parity[hub]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from trainers.common.errors import DataError

VOCABULARY_NAME, MERGES_NAME = "vocab.json", "merges.txt"
END_OF_TEXT = "<|endoftext|>"
LARGEST_VOCABULARY = 2**16


class Encoder(Protocol):
    """Turns texts into tokens."""

    vocabulary_size: int
    end_of_text: int

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text."""
        ...


class BytePairEncoder:
    """The tokens of GPT-2, or of any vocabulary of that form."""

    def __init__(self, directory: Path) -> None:
        """Read both files.

        Raises:
            DataError: a file is missing or unreadable, the vocabulary has no end of text or too many tokens, or the
                package tokenizers is not installed.
        """
        paths = directory / VOCABULARY_NAME, directory / MERGES_NAME
        missing = [path.name for path in paths if not path.is_file()]
        if missing:
            raise DataError(
                f"no {' and no '.join(missing)} in {directory}; --tokenizer takes a directory with both files of a"
                " byte-level BPE such as GPT-2's"
            )
        try:
            from tokenizers import ByteLevelBPETokenizer
        except ImportError as error:
            raise DataError(
                "byte-pair encoding needs the package tokenizers: pip install training-parity[hub]"
            ) from error
        try:
            self._tokenizer = ByteLevelBPETokenizer(*map(str, paths))
        except Exception as error:  # the package raises nothing more specific
            raise DataError(f"cannot read the tokenizer in {directory}: {error}") from error
        self.vocabulary_size = self._tokenizer.get_vocab_size()
        end = self._tokenizer.token_to_id(END_OF_TEXT)
        if end is None:
            raise DataError(f"{paths[0]} has no token {END_OF_TEXT}, which stands between documents")
        if self.vocabulary_size > LARGEST_VOCABULARY:
            raise DataError(
                f"{paths[0]} has {self.vocabulary_size} tokens, expected at most {LARGEST_VOCABULARY}: files of tokens"
                " are uint16"
            )
        self.end_of_text = end

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text; text that spells a special token is encoded like any other."""
        return [found.ids for found in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]
