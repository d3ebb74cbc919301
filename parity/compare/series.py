"""Comparing two aligned series bit for bit."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parity.compare.measurement import Difference, Measurement, sizes
from parity.trace.channels import Kind
from parity.trace.model import Series

_WIDEST_UPDATE: Final = 1 << 31


def compare_series(reference: Series, candidate: Series, rank: int) -> Iterator[Measurement]:
    """Yield at most one measurement of each kind: values that differ, that are missing, that are extra.

    Values are matched by update and by position within the update. Floats are compared by their bits: NaN equals NaN,
    and 0.0 is not -0.0.
    """
    if _equal(reference, candidate):
        return
    left, right = keys(reference.updates), keys(candidate.updates)
    at_left, at_right = positions(reference, candidate)
    differing = np.flatnonzero(bits(reference)[at_left] != bits(candidate)[at_right])
    if len(differing):
        first = differing[0]
        ours, theirs = reference.python(at_left[first]), candidate.python(at_right[first])
        absolute, relative, ulp = sizes(reference.channel.kind, ours, theirs)
        yield Measurement(
            **_identity(reference, candidate, rank, left, int(at_left[first])),
            difference=Difference.VALUE,
            reference=ours,
            candidate=theirs,
            absolute=absolute,
            relative=relative,
            ulp=ulp,
            differing=len(differing),
            compared=len(at_left),
        )
    missing = np.setdiff1d(np.arange(len(left)), at_left, assume_unique=True)
    if len(missing):
        yield missing_values(reference, candidate.name, rank, missing)
    extra = np.setdiff1d(np.arange(len(right)), at_right, assume_unique=True)
    if len(extra):
        yield extra_values(candidate, reference.name, rank, extra)


def positions(reference: Series, candidate: Series) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where both series have a value at the same update and position within it."""
    ours, theirs = keys(reference.updates), keys(candidate.updates)
    _, left, right = np.intersect1d(ours, theirs, assume_unique=True, return_indices=True)
    return left, right


def keys(updates: NDArray[np.int64]) -> NDArray[np.int64]:
    """One sortable integer for each update and the position within it."""
    first = np.searchsorted(updates, updates, side="left")
    return (updates + 1) * _WIDEST_UPDATE + np.arange(len(updates), dtype=np.int64) - first


def places(sortable: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Updates and positions within them that ``keys`` made integers of."""
    return sortable // _WIDEST_UPDATE - 1, sortable % _WIDEST_UPDATE


def missing_values(
    reference: Series, candidate_name: str, rank: int, which: NDArray[np.int64] | None = None
) -> Measurement:
    """The values at the positions ``which`` of a reference series, by default all, that the candidate does not have."""
    positions = np.arange(len(reference)) if which is None else which
    first = int(positions[0])
    return Measurement(
        channel=reference.channel,
        name=reference.name,
        candidate_name=candidate_name,
        rank=rank,
        difference=Difference.MISSING,
        update=int(reference.updates[first]),
        ordinal=int(reference.ordinals()[first]),
        reference=reference.python(first),
        candidate=None,
        differing=len(positions),
        compared=len(reference),
    )


def extra_values(
    candidate: Series, reference_name: str, rank: int, which: NDArray[np.int64] | None = None
) -> Measurement:
    """The values at the positions ``which`` of a candidate series, by default all, that the reference does not have."""
    positions = np.arange(len(candidate)) if which is None else which
    first = int(positions[0])
    return Measurement(
        channel=candidate.channel,
        name=reference_name,
        candidate_name=candidate.name,
        rank=rank,
        difference=Difference.EXTRA,
        update=int(candidate.updates[first]),
        ordinal=int(candidate.ordinals()[first]),
        reference=None,
        candidate=candidate.python(first),
        differing=len(positions),
        compared=len(candidate),
    )


def _identity(reference: Series, candidate: Series, rank: int, places: NDArray[np.int64], index: int) -> dict[str, Any]:
    return {
        "channel": reference.channel,
        "name": reference.name,
        "candidate_name": candidate.name,
        "rank": rank,
        "update": int(reference.updates[index]),
        "ordinal": int(places[index] % _WIDEST_UPDATE),
    }


def _equal(reference: Series, candidate: Series) -> bool:
    return np.array_equal(reference.updates, candidate.updates) and np.array_equal(bits(reference), bits(candidate))


def bits(series: Series) -> NDArray[Any]:
    """The values of ``series`` so that two of them are the same where they are equal: floats by their bits."""
    return series.values.view(np.uint64) if series.channel.kind is Kind.FLOAT else series.values
