"""Printed numbers: which line and position they stand at, what they are called, how exactly they were printed."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from parity.compare.measurement import Measurement
from parity.diagnose.case import Case, Pair
from parity.diagnose.library.curve import Curve
from parity.diagnose.library.reach import Prediction
from parity.trace.lines import PLACE

LOG: Final = "log_value"
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


def printed_numbers(case: Case) -> list[Number]:
    """All numbers that both sides print."""
    return [found for reference, _ in case.pairs(LOG) if (found := number(reference.name)) is not None]


def rounds_to(printed: float, value: float, digits: int) -> bool:
    """Whether ``value``, printed with ``digits`` decimals, may read ``printed``."""
    return abs(printed - value) <= 0.5000001 * 10.0**-digits


def decimals(*printed: float) -> int:
    """Decimals that ``printed`` numbers were evidently printed with: the most that any of them needs."""
    exponents = [Decimal(repr(value)).as_tuple().exponent for value in printed]
    return max(-exponent if isinstance(exponent, int) else 0 for exponent in exponents)


def scales(pair: Pair, factor: float) -> bool:
    """Whether the candidate prints ``factor`` times the reference's number, within the rounding of both."""
    ours, theirs = (series.values.tolist() for series in pair)
    digits = decimals(*ours, *theirs)
    unit = 10.0**-digits
    clear = [value for value in ours if abs(value) * min(1.0, factor) > 100 * unit]
    return (
        len(ours) == len(theirs)
        and bool(clear)
        and all(abs(b - factor * a) <= 0.5000001 * unit * (1 + factor) for a, b in zip(ours, theirs, strict=True))
    )


def stores(reference: Curve, candidate: Curve) -> Prediction:
    """Predict values in checkpoints that are the next value of both curves, or the present one."""

    def predicts(measurement: Measurement) -> bool:
        texts = measurement.reference, measurement.candidate
        return measurement.channel.name == "checkpoint_value" and any(
            texts == (repr(reference.get(update)), repr(candidate.get(update)))
            for update in (measurement.update, measurement.update + 1)
        )

    return predicts


def prints(reference: Curve, candidate: Curve, *words: str) -> Prediction:
    """Predict printed numbers called one of ``words`` that show the next value of both curves, or the present one."""

    def predicts(measurement: Measurement) -> bool:
        found = number(measurement.name) if measurement.channel.name == LOG else None
        ours, theirs = measurement.reference, measurement.candidate
        if found is None or not isinstance(ours, float) or not isinstance(theirs, float):
            return False
        if not any(word in found.label for word in words):
            return False
        digits = decimals(ours, theirs)
        return any(
            update in reference
            and update in candidate
            and rounds_to(ours, reference[update], digits)
            and rounds_to(theirs, candidate[update], digits)
            for update in (measurement.update, measurement.update + 1)
        )

    return predicts


def multiplied(factors: Collection[float], *words: str) -> Prediction:
    """Predict printed numbers called or followed by one of ``words`` that the candidate multiplies by a factor."""

    def predicts(measurement: Measurement) -> bool:
        found = number(measurement.name) if measurement.channel.name == LOG else None
        ours, theirs = measurement.reference, measurement.candidate
        if found is None or not ours or not isinstance(ours, float) or not isinstance(theirs, float):
            return False
        if not any(word in part for word in words for part in (found.label, found.unit)):
            return False
        return any(math.isclose(theirs / ours, factor, rel_tol=1e-9) for factor in factors)

    return predicts
