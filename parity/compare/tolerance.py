"""What a policy accepts of a difference, whatever the noise: by channel, name and range of updates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from parity.compare.distances import distances, numbers
from parity.compare.measurement import Comparison, Difference, Measurement, sizes
from parity.compare.series import positions
from parity.trace.channels import Kind
from parity.trace.model import Process, Series


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """The most by which the values of some series may differ.

    ``channel`` and ``name`` are patterns such as ``loss`` and ``*.bias``; ``updates`` the first and the last update
    that it applies to, all where None. A value is accepted where any of the bounds that are not None holds:
    ``absolute``, ``relative`` to the reference, ``ulp`` in steps between neighbouring float64 values. Of tensors only
    ``relative`` can hold. A value that is missing or extra is never accepted, and neither is a text.
    """

    channel: str
    reason: str
    name: str = "*"
    updates: tuple[int, int] | None = None
    absolute: float | None = None
    relative: float | None = None
    ulp: int | None = None

    def __str__(self) -> str:
        bounds = (("absolute", self.absolute), ("relative", self.relative), ("ulp", self.ulp))
        said = " or ".join(f"{name} {bound:g}" for name, bound in bounds if bound is not None)
        since = "" if self.updates is None else f" in updates {self.updates[0]} to {self.updates[1]}"
        return f"{self.channel} {self.name}{since}, {said}: {self.reason}"

    def covers(self, measurement: Measurement) -> bool:
        """Whether ``measurement`` is of a kind and a series that this is about."""
        return (
            measurement.difference is Difference.VALUE
            and fnmatchcase(measurement.channel.name, self.channel)
            and fnmatchcase(measurement.name, self.name)
        )

    def admits(self, update: int, absolute: float | None, relative: float | None, ulp: int | None) -> bool:
        """Whether one value that differs by so much at ``update`` is accepted."""
        if self.updates is not None and not self.updates[0] <= update <= self.updates[1]:
            return False
        measured = ((absolute, self.absolute), (relative, self.relative), (ulp, self.ulp))
        return any(size is not None and bound is not None and size <= bound for size, bound in measured)


@dataclass(frozen=True, kw_only=True)
class Ignored(Tolerance):
    """Series that are not judged at all, whatever their values, or whether they are there."""


def find_tolerance(
    measurement: Measurement, comparison: Comparison, tolerances: Sequence[Tolerance]
) -> Tolerance | None:
    """The first of ``tolerances`` that accepts every value by which the series of ``measurement`` differs, or None."""
    for tolerance in tolerances:
        if tolerance.covers(measurement):
            found = list(_differences(measurement, comparison))
            if found and all(tolerance.admits(*one) for one in found):
                return tolerance
    return None


_Size = tuple[int, float | None, float | None, int | None]


def _differences(measurement: Measurement, comparison: Comparison) -> Iterator[_Size]:
    """Update and sizes of every value that differs; of tensors, of those that are known."""
    reference, candidate = comparison.reference.rank(measurement.rank), comparison.candidate.rank(measurement.rank)
    ours = reference and reference.get(measurement.channel.name, measurement.name)
    theirs = candidate and candidate.get(measurement.channel.name, measurement.candidate_name)
    if not reference or not candidate or not ours or not theirs:
        return
    if ours.channel.kind is Kind.DIGEST:
        yield from _apart(reference, ours, candidate, theirs)
        return
    left, right = positions(ours, theirs)
    mine, their = numbers(ours), numbers(theirs)
    kind = Kind.FLOAT if ours.channel.kind is Kind.TEXT else ours.channel.kind
    for one, other in zip(left, right, strict=True):
        if ours.values[one] != theirs.values[other]:
            yield int(ours.updates[one]), *sizes(kind, float(mine[one]), float(their[other]))


def _apart(reference: Process, ours: Series, candidate: Process, theirs: Series) -> Iterator[_Size]:
    apart = distances(reference, ours, candidate, theirs)
    for at in np.flatnonzero(apart > 0):
        yield int(ours.updates[at]), None, float(apart[at]), None
