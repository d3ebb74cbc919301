"""Printed numbers that both sides print, and what becomes of them."""

import math
from collections.abc import Collection
from typing import Final

from parity.compare.measurement import Measurement
from parity.diagnose.case import Case, Pair
from parity.diagnose.library.curve import Curve
from parity.diagnose.library.reach import Prediction
from parity.trace.printed import Number, decimals, number, rounds_to

LOG: Final = "log_value"


def printed_numbers(case: Case) -> list[Number]:
    """All numbers that both sides print."""
    return [found for reference, _ in case.pairs(LOG) if (found := number(reference.name)) is not None]


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
