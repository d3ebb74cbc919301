"""Descriptions as ids of characters, padded with 0 to one length."""

from __future__ import annotations

from typing import Protocol

FIRST_MARK, LAST_MARK = 0xE000, 0xE001
"""Code points for private use, with which CANINE begins and ends a text."""


class Tokenizer(Protocol):
    """Turns a text into ids and a mask of the same length, 1 where there is text."""

    def __call__(self, text: str) -> tuple[list[int], list[int]]:
        """Return ids and mask."""


class HashTokenizer:
    """Characters to 49 ids, for the small encoder."""

    def __init__(self, max_length: int) -> None:
        """Cut or pad texts to ``max_length`` ids."""
        self.max_length = max_length

    def __call__(self, text: str) -> tuple[list[int], list[int]]:
        """Return ids and mask."""
        return pad([1 + ord(character) * 31 % 49 for character in text[: self.max_length]], self.max_length)


class CodePointTokenizer:
    """Code points between two marks, for CANINE."""

    def __init__(self, max_length: int) -> None:
        """Cut or pad texts to ``max_length`` ids, of which two are the marks."""
        self.max_length = max_length

    def __call__(self, text: str) -> tuple[list[int], list[int]]:
        """Return ids and mask."""
        points = [ord(character) for character in text[: self.max_length - 2]]
        return pad([FIRST_MARK, *points, LAST_MARK], self.max_length)


def pad(ids: list[int], length: int) -> tuple[list[int], list[int]]:
    """Fill up with 0 to ``length``; returns ids and mask."""
    rest = [0] * (length - len(ids))
    return ids + rest, [1] * len(ids) + rest
