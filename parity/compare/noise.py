"""The noise floor: how far round-off-size perturbation of the reference itself moves each number, update by update.

A distance counts as noise where it is no more than ``FACTOR`` times the floor. On the model that this was measured
with, three perturbed runs and 50 updates, no harmless change (fused optimizer, other attention kernel, merged
micro-batches, threads, compilation) came above 2 times it, and the weakest of thirteen defects (an approximated GELU)
reached 24 times in the loss and 160 in the gradients.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from parity.align.names import STATE_SEPARATOR
from parity.compare.distances import Distances, distances, grain, lengths, per_update, resolution
from parity.compare.measurement import Difference, Measurement
from parity.compare.regrouping import PARTIAL
from parity.trace.channels import Carries, Kind
from parity.trace.model import Process, Series, Trace

FACTOR: Final = 10.0
_POOLED: Final = frozenset({"gradient", "parameter", "optimizer_state"})
ROUNDING: Final = 32 * 2.0**-23
"""The most, relative, by which two implementations of clipping or of an optimizer's step round differently.

Measured: 2.3e-6 between a fused and an unfused Adam; the smallest defect of a step was five decades above.
"""


@dataclass(frozen=True, kw_only=True)
class NoisePass:
    """What was run to learn the noise: both sides again, recorded in finer detail, and the perturbed references.

    ``omitted`` says why nothing was run, and is empty where it was.
    """

    reference: Trace | None = None
    candidate: Trace | None = None
    perturbed: tuple[Trace, ...] = ()
    omitted: str = ""


@dataclass(frozen=True, kw_only=True)
class Weighing:
    """One series against its floor, at the place where it exceeds it most.

    ``distance``, beyond what rounding to printed digits makes, and ``floor`` are relative to the reference. ``first``
    is the distance where both sides first differ, and ``leaves`` the first update at which the ratio is more than the
    factor, None where it never is. ``weighed`` differing values were put against the floor; of ``unknown`` ones nobody
    knows how far apart they are.
    """

    distance: float
    floor: float
    ratio: float
    update: int
    first: float
    leaves: int | None
    weighed: int
    unknown: int

    @property
    def inside(self) -> bool:
        """Whether everything that is known lies within the noise, and something is known."""
        return self.leaves is None and (self.weighed > 0 or self.unknown == 0)


def can_be_weighed(measurement: Measurement) -> bool:
    """Whether ``measurement`` is the difference of two numbers, or of two tensors that follow from numbers."""
    channel = measurement.channel
    if measurement.difference is not Difference.VALUE:
        return False
    return channel.kind is Kind.FLOAT or (channel.carries is Carries.VALUES and channel.kind is not Kind.INTEGER)


class Scale:
    """Puts differences against the floor. Where samples are ``regrouped``, an update's losses are taken together."""

    def __init__(self, noise: NoisePass, *, regrouped: bool) -> None:
        self._noise = noise
        self._regrouped = regrouped
        self._pools: dict[tuple[int, str, str], tuple[NDArray[np.int64], Distances]] = {}

    def weigh(self, measurement: Measurement) -> Weighing | None:
        """Put the whole series of ``measurement`` against its floor; None where there are no two series to compare."""
        reference, candidate = self._sides(measurement.rank)
        together = self._together(measurement)
        weighed = self.floor(measurement)
        theirs = candidate.get(measurement.channel.name, measurement.candidate_name) if candidate is not None else None
        if reference is None or candidate is None or weighed is None or theirs is None:
            return None
        ours, floors = weighed
        if together:
            theirs = per_update(theirs)
        return _weighed(distances(reference, ours, candidate, theirs), floors, resolution(reference, ours), ours)

    def floor(self, measurement: Measurement) -> tuple[Series, Distances] | None:
        """The reference's series as it is weighed, and the floor at each of its values, relative to the value."""
        reference, _ = self._sides(measurement.rank)
        channel = measurement.channel.name
        ours = reference.get(channel, measurement.name) if reference is not None else None
        if reference is None or ours is None:
            return None
        together = self._together(measurement)
        if together:
            ours = per_update(ours)
        floors = np.maximum(self._envelope(reference, ours, together=together), resolution(reference, ours))
        return ours, np.maximum(floors, self._pooled(reference, ours)) if channel in _POOLED else floors

    def _together(self, measurement: Measurement) -> bool:
        return self._regrouped and measurement.channel.name in PARTIAL

    def _sides(self, rank: int) -> tuple[Process | None, Process | None]:
        reference, candidate = self._noise.reference, self._noise.candidate
        return None if reference is None else reference.rank(rank), None if candidate is None else candidate.rank(rank)

    def _perturbed(self, rank: int) -> list[Process]:
        return [one for trace in self._noise.perturbed if (one := trace.rank(rank)) is not None]

    def _envelope(self, reference: Process, ours: Series, *, together: bool) -> Distances:
        """The largest distance of any perturbed run so far, at each value of the reference.

        A perturbed run that left the numbers altogether (NaN, infinity) says nothing there.
        """
        runs = [np.zeros(len(ours))]
        for process in self._perturbed(reference.rank):
            series = process.get(*ours.key)
            apart = distances(reference, ours, process, per_update(series) if series and together else series)
            runs.append(np.where(np.isfinite(apart), apart, 0.0))
        envelope: Distances = np.maximum.accumulate(np.max(runs, axis=0))
        return envelope

    def _pooled(self, reference: Process, ours: Series) -> Distances:
        """The largest distance so far of all tensors of a kind taken as one.

        Three runs are few for a single tensor: an optimizer that normalises by the gradient's size lets one element
        whose gradient is nearly zero jump by twice the learning rate, in one tensor here and in another one there.
        """
        kind = _kind(ours.name)
        key = reference.rank, ours.channel.name, kind
        if key not in self._pools:
            alike = [one for one in reference.channel(ours.channel.name) if _kind(one.name) == kind]
            self._pools[key] = _pool(reference, alike, self._perturbed(reference.rank))
        updates, floors = self._pools[key]
        at = np.searchsorted(updates, ours.updates, side="right") - 1
        return np.where(at >= 0, floors[at], 0.0) if len(floors) else np.zeros(len(ours))


def _kind(name: str) -> str:
    """Which state of an optimizer; the same for all other tensors."""
    return name.rpartition(STATE_SEPARATOR)[2] if STATE_SEPARATOR in name else ""


def _pool(
    reference: Process, alike: Sequence[Series], perturbed: Sequence[Process]
) -> tuple[NDArray[np.int64], Distances]:
    """Updates, and at each the largest relative distance so far of the tensors ``alike`` taken as one."""
    updates = np.unique(np.concatenate([one.updates for one in alike]))
    envelope = np.zeros(len(updates))
    for process in perturbed:
        apart, size = np.zeros(len(updates)), np.zeros(len(updates))
        for ours in alike:
            theirs = process.get(*ours.key)
            if theirs is not None:
                absolute, long = lengths(reference, ours, process, theirs)
                known = np.flatnonzero(np.isfinite(absolute) & np.isfinite(long))
                at = np.searchsorted(updates, ours.updates[known])
                np.add.at(apart, at, absolute[known] ** 2)
                np.add.at(size, at, long[known] ** 2)
        envelope = np.maximum(envelope, np.sqrt(apart / np.where(size > 0, size, np.inf)))
    return updates, np.maximum.accumulate(envelope)


def _weighed(apart: Distances, floors: Distances, finest: float, ours: Series) -> Weighing:
    apart = np.where(np.isnan(apart), apart, np.maximum(apart - grain(ours), 0.0))
    ratios = apart / floors
    known = np.flatnonzero(apart > 0)
    outside = known[ratios[known] > FACTOR]
    worst = known[np.argmax(ratios[known])] if len(known) else 0
    differing = np.flatnonzero(apart != 0)  # NaN too: it differs, and nobody knows by how much
    return Weighing(
        distance=float(apart[worst]) if len(known) else 0.0,
        floor=float(floors[worst]) if len(floors) else finest,
        ratio=float(ratios[worst]) if len(known) else 0.0,
        update=int(ours.updates[worst]) if len(ours) else -1,
        first=float(apart[differing[0]]) if len(differing) else 0.0,
        leaves=int(ours.updates[outside[0]]) if len(outside) else None,
        weighed=len(known),
        unknown=len(differing) - len(known),
    )
