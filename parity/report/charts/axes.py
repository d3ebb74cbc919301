"""Scales from values to places on a picture, and the round numbers on them."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from parity.report.decimation import Floats

_STEPS: Final = (1.0, 2.0, 5.0, 10.0)
_AIR: Final = 0.06
_SMALL, _LARGE = 1e-3, 1e6


@dataclass(frozen=True)
class Scale:
    """Maps values from ``low`` to ``high`` to places from ``start`` to ``stop``."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """The place of ``value``."""
        # Halves, because the distance of two huge numbers may be more than a float holds.
        share = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2 or 1.0)
        return self.start + share * (self.stop - self.start)


def extent(values: Floats) -> tuple[float, float]:
    """The range of all finite ``values`` with a little air; a constant gets a range around it."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    air = (high - low) * _AIR or abs(high) * 0.1 or 1.0
    return (low - air, high + air) if math.isfinite(high - low) else (low, high)


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers from ``low`` to ``high``, ``about`` so many."""
    raw = (high - low) / about
    if not (math.isfinite(raw) and raw > 0):
        return []
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(one * power for one in _STEPS if one * power >= raw * (1 - 1e-9))
    return [round(at * step, 12) for at in range(math.ceil(low / step), math.floor(high / step) + 1)]


def decades(sizes: Floats, floor: Floats | None) -> tuple[int, int] | None:
    """The powers of ten that hold all positive ``sizes``, and the ``floor``; None where no size is positive.

    The lowest is below all of them, so that every size has a height.
    """
    known = sizes[np.isfinite(sizes) & (sizes > 0)]
    if not len(known):
        return None
    if floor is not None:
        known = np.concatenate([known, floor[np.isfinite(floor) & (floor > 0)]])
    return math.ceil(math.log10(known.min())) - 1, math.ceil(math.log10(known.max()))


def short(value: float) -> str:
    """A number on an axis, in as few characters as tell it from its neighbours."""
    if value and not _SMALL <= abs(value) < _LARGE:
        mantissa, _, exponent = f"{value:.3e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{value:.6g}"
