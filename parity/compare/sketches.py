"""How far apart two tensors were that nobody stored, estimated from their sketches."""

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parity.compare.measurement import Difference, Measurement
from parity.trace.channels import Kind
from parity.trace.model import Process

FLOOR: Final = 3e-7


def distance(reference: NDArray[Any], candidate: NDArray[Any]) -> float | None:
    """Estimate of ``||a - b|| / ||a||`` from the sketches of a and b; None where a is zero or either not finite.

    The estimate is within about a fifth of the truth; below ``FLOOR`` it is round-off of the sketches themselves.
    """
    ours, theirs = reference.astype(np.float64), candidate.astype(np.float64)
    size = float(np.linalg.norm(ours))
    apart = float(np.linalg.norm(ours - theirs))
    return apart / size if size > 0 and np.isfinite(size) and np.isfinite(apart) else None


def estimated(measurement: Measurement, reference: Process, candidate: Process) -> Measurement:
    """``measurement`` with the estimated distance of its first difference, where both sides have a sketch of it."""
    if measurement.channel.kind is not Kind.DIGEST or measurement.difference is not Difference.VALUE:
        return measurement
    place = measurement.update, measurement.ordinal
    ours = reference.sketch(measurement.channel.name, measurement.name, *place)
    theirs = candidate.sketch(measurement.channel.name, measurement.candidate_name, *place)
    if ours is None or theirs is None or ours[0] != theirs[0]:
        return measurement
    return replace(measurement, estimate=distance(ours[1], theirs[1]))


def worded(estimate: float) -> str:
    """An estimate as a report says it."""
    return f"below {FLOOR:.0e}".replace("e-0", "e-") if estimate < FLOOR else f"about {estimate:.1e}"
