"""Printed numbers: which line and position they stand at, what they are called, how exactly they were printed."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from parity.trace.lines import PLACE

_POSITION: Final = "#"


@dataclass(frozen=True)
class Number:
    """A printed number: the line it stands in, its position there, and the words around it."""

    template: str
    index: int

    @property
    def label(self) -> str:
        """The words before the number, back to the number or comma before, in lower case."""
        return self._texts[self.index].rpartition(",")[2].strip(" :=").lower()

    @property
    def unit(self) -> str:
        """The words after the number, up to the next number or comma, in lower case."""
        return self._texts[self.index + 1].partition(",")[0].strip().lower()

    @property
    def name(self) -> str:
        """Name of the series that holds the number."""
        return f"{self.template}{_POSITION}{self.index}"

    @property
    def _texts(self) -> list[str]:
        texts = self.template.split(PLACE)
        return texts + [""] * (self.index + 2 - len(texts))


def number(name: str) -> Number | None:
    """The printed number that the series ``name`` holds; None if it is not the name of one."""
    template, separator, index = name.rpartition(_POSITION)
    return Number(template, int(index)) if separator and index.isdigit() else None


def rounds_to(printed: float, value: float, digits: int) -> bool:
    """Whether ``value``, printed with ``digits`` decimals, may read ``printed``."""
    return abs(printed - value) <= 0.5000001 * 10.0**-digits


def decimals(*printed: float) -> int:
    """Decimals that ``printed`` numbers were evidently printed with: the most that any of them needs."""
    exponents = [Decimal(repr(value)).as_tuple().exponent for value in printed]
    return max(-exponent if isinstance(exponent, int) else 0 for exponent in exponents)
