"""How far apart two runs are at every value of one series, relative to the reference."""

from decimal import Decimal
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parity.compare.series import keys, positions
from parity.compare.sketches import FLOOR
from parity.trace.channels import Carries, Kind
from parity.trace.model import Process, Series

Distances = NDArray[np.float64]
EXACT: Final = 2.0**-52
_PRINTED: Final = frozenset({"log_value", "metric", "checkpoint_value"})
_EPSILON: Final = {"float64": EXACT, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}


def distances(reference: Process, ours: Series, other: Process, theirs: Series | None) -> Distances:
    """Distance of each value of ``ours`` from its counterpart, 0 where both are equal and NaN where it is not known.

    Numbers are measured relative to the reference's own value, or to its largest where that is zero; of tensors, the
    sketches are. Where no number can be given, for NaN against a number or for two texts, the distance is infinite.
    """
    found = np.full(len(ours), np.nan)
    if theirs is None:
        return found
    left, right = positions(ours, theirs)
    if ours.channel.kind is Kind.DIGEST:
        absolute, sizes = lengths(reference, ours, other, theirs)
        with np.errstate(invalid="ignore"):
            apart = (absolute / scales(sizes))[left]
        found[left] = np.where(ours.values[left] == theirs.values[right], 0.0, apart)
        return found
    mine, their = numbers(ours), numbers(theirs)[right]
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(mine[left] - their) / scales(mine)[left]
    same = ours.values[left] == theirs.values[right]
    if ours.channel.kind is not Kind.TEXT:
        same |= np.isnan(mine[left]) & np.isnan(their)
    found[left] = np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))
    return found


def numbers(series: Series) -> Distances:
    """The values of ``series`` as float64; NaN for a text that is no number."""
    if series.channel.kind is not Kind.TEXT:
        return series.values.astype(np.float64)
    return np.array([_number(text) for text in series.values], dtype=np.float64)


def scales(values: Distances) -> Distances:
    """What a distance from each of ``values`` is relative to: its size, or that of the largest where it is zero."""
    sizes = np.abs(values)
    largest = np.max(sizes[np.isfinite(sizes)], initial=0.0)
    return np.where(sizes > 0, sizes, largest or 1.0)


def resolution(process: Process, series: Series) -> float:
    """The smallest relative distance that means anything in ``series``.

    For tensors what sketches resolve; for numbers that training computes one unit in the last place of its parameters;
    for what is set rather than computed, such as a learning rate, that of a float64.
    """
    if series.channel.kind is Kind.DIGEST:
        return FLOOR
    return precision(process) if series.channel.carries is Carries.VALUES else EXACT


def precision(process: Process) -> float:
    """Relative distance of neighbouring numbers of the coarsest type that a parameter has."""
    kinds = (str(one.values[0]).partition("[")[0] for one in process.channel("parameter_kind") if len(one))
    return max((_EPSILON[kind] for kind in kinds if kind in _EPSILON), default=_EPSILON["float32"])


def grain(series: Series) -> Distances:
    """By how much rounding to the printed digits alone may move each value, relative; 0 where nothing is printed."""
    if series.channel.name not in _PRINTED:
        return np.zeros(len(series))
    values = numbers(series)
    finite = values[np.isfinite(values)]
    places = max((-int(Decimal(repr(float(one))).as_tuple().exponent) for one in finite), default=0)
    step: float = 10.0**-places
    return step / scales(values)


def per_update(series: Series) -> Series:
    """One value for each update: the sum of a loss that is differentiated in parts, else the mean."""
    updates, first = np.unique(series.updates, return_index=True)
    sums = np.add.reduceat(series.values, first) if len(first) else series.values
    counts = np.diff([*first, len(series)]) if len(first) else 1
    values: NDArray[Any] = sums if series.channel.name == "loss" else sums / counts
    return Series(series.channel, series.name, updates, values)


def lengths(reference: Process, ours: Series, other: Process, theirs: Series) -> tuple[Distances, Distances]:
    """Lengths, as sketches estimate them, of the difference at each tensor of ``ours`` and of the tensor itself.

    NaN where one of both was not sketched; a tensor that is not finite is infinitely far away.
    """
    found, long = np.full(len(ours), np.nan), np.full(len(ours), np.nan)
    if reference.sketches is None or other.sketches is None:
        return found, long
    updates, sizes, mine = reference.sketches.rows(*ours.key)
    other_updates, other_sizes, their = other.sketches.rows(*theirs.key)
    _, left, right = np.intersect1d(keys(updates), keys(other_updates), assume_unique=True, return_indices=True)
    same = sizes[left] == other_sizes[right]
    left, right = left[same], right[same]
    one, two = mine[left].astype(np.float64), their[right].astype(np.float64)
    apart = np.linalg.norm(one - two, axis=1)
    apart[~np.isfinite(apart)] = np.inf
    _, at, sketch = np.intersect1d(keys(ours.updates), keys(updates)[left], assume_unique=True, return_indices=True)
    found[at], long[at] = apart[sketch], np.linalg.norm(one, axis=1)[sketch]
    return found, long


def _number(text: object) -> float:
    try:
        return float(str(text))
    except ValueError:
        return float("nan")
