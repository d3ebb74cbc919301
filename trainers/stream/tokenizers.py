"""Texts as token ids and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from trainers.common.errors import ConfigError, DataError

BYTES = "bytes"


class Tokenizer(Protocol):
    """What every tokenizer offers."""

    @property
    def size(self) -> int:
        """Number of tokens."""

    @property
    def end(self) -> int | None:
        """The token that ends a text, if there is one."""

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text."""

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids."""


class ByteTokenizer:
    """UTF-8 bytes; white space counts once, and not at the ends, as with SentencePiece."""

    size = 256
    end: int | None = None

    def encode(self, text: str) -> list[int]:
        """Return the bytes of a text."""
        return list(" ".join(text.split()).encode("utf-8"))

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of bytes; ids that are none are left out, and what is no UTF-8 is marked."""
        return bytes(one for one in ids if one < self.size).decode("utf-8", errors="replace")


class SentencePieceTokenizer:
    """The pieces of a SentencePiece model."""

    def __init__(self, path: Path) -> None:
        """Read the model.

        Raises:
            ConfigError: the library is not installed.
            DataError: the file is missing, or no such model.
        """
        self._processor = _read_model(path)
        self.size: int = self._processor.get_piece_size()
        end: int = self._processor.eos_id()
        self.end = end if end >= 0 else None

    def encode(self, text: str) -> list[int]:
        """Return the ids of the pieces of a text."""
        ids: list[int] = self._processor.encode(text)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of pieces; ids that are none are left out."""
        text: str = self._processor.decode([one for one in ids if one < self.size])
        return text


def load_tokenizer(name: str) -> Tokenizer:
    """Return the tokenizer called ``name``: ``bytes``, or the file of a SentencePiece model."""
    return ByteTokenizer() if name == BYTES else SentencePieceTokenizer(Path(name))


def _read_model(path: Path) -> Any:
    try:
        import sentencepiece
    except ImportError as error:
        raise ConfigError(
            [f"tokenizer {path} needs sentencepiece ({error}); install the extra 'text', or use --tokenizer {BYTES}"]
        ) from error
    processor = sentencepiece.SentencePieceProcessor()
    try:
        processor.load(str(path))
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"cannot load {path}: {reason}; --tokenizer takes a SentencePiece model or the word {BYTES}"
        ) from error
    return processor
