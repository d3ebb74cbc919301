"""How exactly an imported number is known: printed decimals and narrow floats prove no identity."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

Unit = Literal["decimals", "digits", "bits"]

FLOAT32_BITS: Final = 24
_EXACT_DIGITS: Final = 16
_FIXED: Final = re.compile(r"[-+]?\d*\.(\d+)")
_WHOLE: Final = re.compile(r"[-+]?\d+")
_WORDS: Final = {"decimals": "decimals", "digits": "significant digits", "bits": "bits"}


@dataclass(frozen=True)
class Precision:
    """So many decimals, significant digits, or significant bits."""

    unit: Unit
    count: int

    def __str__(self) -> str:
        return f"{self.count} {_WORDS[self.unit]}"

    def half_units(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far each of ``values`` may lie from the number that was rounded to it."""
        if self.unit == "decimals":
            return np.full(len(values), 0.5 * 10.0**-self.count)
        size = np.abs(values)
        usable = np.isfinite(size) & (size > 0)
        exponents = np.floor((np.log2 if self.unit == "bits" else np.log10)(np.where(usable, size, 1.0)))
        base = 2.0 if self.unit == "bits" else 10.0
        return np.where(usable, 0.5 * base ** (exponents - self.count + 1), 0.0)

    def as_json(self) -> dict[str, int]:
        """As the manifest holds it."""
        return {self.unit: self.count}


def precision_from(stored: object) -> Precision | None:
    """What the manifest says about one series; None where that is nothing."""
    if isinstance(stored, Mapping):
        for unit, count in stored.items():
            if unit in _WORDS and isinstance(count, int):
                return Precision(unit, count)
    return None


def printed_precision(texts: Iterable[str], *, always: bool = False) -> Precision | None:
    """The precision of a series of printed numbers; None where they are whole or show every digit of a float64.

    A fixed number of decimals is one; else the most significant digits of any value count for all, since trailing zeros
    may be left out. With ``always`` nothing counts as exact: nobody knows how the numbers of a log were printed.
    """
    numbers = [text for text in texts if any(sign.isdigit() for sign in text)]
    digits = max((_significant(text) for text in numbers), default=0)
    whole = all(_WHOLE.fullmatch(text) for text in numbers)
    if not numbers or (not always and (whole or digits >= _EXACT_DIGITS)):
        return None
    if whole:
        return Precision("decimals", 0)
    decimals = {len(match.group(1)) if (match := _FIXED.fullmatch(text)) else -1 for text in numbers}
    if len(decimals) == 1 and -1 not in decimals:
        return Precision("decimals", decimals.pop())
    return Precision("digits", digits)


def _significant(text: str) -> int:
    mantissa = re.split("[eE]", text.lstrip("+-"))[0]
    return len(mantissa.replace(".", "").lstrip("0"))


def stored_precisions(manifest: Mapping[str, Any]) -> dict[str, Precision]:
    """The precision of every series of a run that is known less than exactly, by name."""
    stored = manifest.get("precision")
    found = {name: precision_from(one) for name, one in stored.items()} if isinstance(stored, Mapping) else {}
    return {name: one for name, one in found.items() if one is not None}
