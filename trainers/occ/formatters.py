"""How codes are written as tokens: blocks of fixed size, one per code."""

from __future__ import annotations

import string
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from trainers.common.errors import ConfigError, DataError

UNKNOWN, PAD, BEGIN, END, SEPARATOR = range(5)
FIRST_CHARACTER = 5
DIGITS_OF = {"hisco": 5, "occ1950": 3}
FORMATTERS = ("gpf", *DIGITS_OF)


@dataclass(frozen=True, kw_only=True)
class Formatter:
    """Writes up to ``max_codes`` codes of up to ``block_size`` characters."""

    characters: str
    block_size: int
    max_codes: int
    fills_with_zeros: bool
    """Whether a short code has lost leading zeros, as happens in spreadsheets."""

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {character: FIRST_CHARACTER + number for number, character in enumerate(self.characters)}

    @property
    def vocabulary_size(self) -> int:
        """How many symbols the decoder chooses from."""
        return FIRST_CHARACTER + len(self.characters)

    @property
    def target_length(self) -> int:
        """Tokens of a target, its begin and end included."""
        return self.block_size * self.max_codes + 2

    def target(self, codes: Sequence[str]) -> list[int]:
        """Return begin, a block per code, padding, end.

        Raises:
            DataError: a code is too long, or there are too many.
        """
        if len(codes) > self.max_codes:
            raise DataError(f"a row has {len(codes)} codes, expected at most {self.max_codes}; name more --target-cols")
        tokens = [token for code in codes for token in self._block(code)]
        padding = [PAD] * (self.target_length - 2 - len(tokens))
        return [BEGIN, *tokens, *padding, END]

    def _block(self, code: str) -> list[int]:
        written = code.zfill(self.block_size) if self.fills_with_zeros else code
        if len(written) > self.block_size:
            raise DataError(
                f"code {code!r} has {len(code)} characters, expected at most {self.block_size}; use --formatter gpf"
            )
        tokens = [self._ids.get(character, UNKNOWN) for character in written]
        return tokens + [END] * (self.block_size - len(tokens))


def make_formatter(name: str, *, codes: Collection[str], max_codes: int) -> Formatter:
    """Make the formatter called ``name``; the general one, gpf, takes characters and length from ``codes``.

    Raises:
        ConfigError: there is no such formatter.
    """
    if name in DIGITS_OF:
        return Formatter(
            characters=string.digits, block_size=DIGITS_OF[name], max_codes=max_codes, fills_with_zeros=True
        )
    if name != "gpf":
        raise ConfigError([f"formatter is {name!r}, expected one of: {', '.join(FORMATTERS)}"])
    characters = "".join(sorted(set("".join(codes))))
    longest = max(len(code) for code in codes)
    return Formatter(characters=characters, block_size=longest, max_codes=max_codes, fills_with_zeros=False)
