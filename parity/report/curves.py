"""Numbers of both sides as curves to be drawn: the values, the difference and the noise floor at every place."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from parity.compare.distances import scales
from parity.compare.noise import FACTOR
from parity.compare.series import bits, keys, places
from parity.findings.model import Judgement
from parity.report.decimation import Floats, pick
from parity.report.facts import causal
from parity.report.tracks import Track
from parity.trace.channels import Kind
from parity.trace.model import Series

_NUMBERS: Final = frozenset({Kind.FLOAT, Kind.INTEGER})
_FEWEST: Final = 2
_AROUND: Final = 24
"""Values drawn one by one on either side of the first difference, however many there are."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One series of numbers, both sides on the same places.

    ``updates`` and ``ordinals`` say where each value was observed. A value is absent where ``has_reference`` or
    ``has_candidate`` is false, and NaN where the program had NaN. ``difference`` is the candidate minus the reference:
    0 where both are equal bit for bit, NaN where it is no number. ``floor`` is the half width of the noise around the
    reference, in the unit of the values, None where it was not measured. ``first`` is the position of the first
    difference, -1 where there is none; ``total`` the number of values before any were left out.
    """

    track: Track
    updates: NDArray[np.int64]
    ordinals: NDArray[np.int64]
    reference: Floats
    candidate: Floats
    has_reference: NDArray[np.bool_]
    has_candidate: NDArray[np.bool_]
    difference: Floats
    floor: Floats | None
    first: int
    total: int

    @property
    def title(self) -> str:
        """Channel, name and rank, as far as they tell it from others."""
        rank = f", rank {self.track.rank}" if self.track.rank else ""
        name = f": {self.track.name}" if self.track.name else ""
        return f"{self.track.channel.name}{name}{rank}"

    @property
    def is_equal(self) -> bool:
        """Whether both sides are the same everywhere."""
        return self.first < 0

    @property
    def x(self) -> Floats:
        """Where the values lie between the updates: those of one update stand next to each other."""
        repeats = int(self.ordinals.max(initial=0)) + 1
        return self.updates + self.ordinals / repeats

    def decimated(self, buckets: int) -> "Curve":
        """No more than about ten points for each of ``buckets``; all of them around the first difference."""
        around = range(max(0, self.first - _AROUND), min(len(self.updates), self.first + _AROUND + 1))
        lines = [self.reference] if self.is_equal else [self.reference, self.candidate, self.difference]
        at = pick(lines, buckets, [*(around if self.first >= 0 else ()), *self._turns()])
        columns = ("updates", "ordinals", "reference", "candidate", "has_reference", "has_candidate", "difference")
        return replace(
            self,
            **{name: getattr(self, name)[at] for name in columns},
            floor=None if self.floor is None else self.floor[at],
            first=int(np.searchsorted(at, self.first)) if self.first >= 0 else -1,
        )

    def _turns(self) -> list[int]:
        """Where a side first becomes, or ceases to be, finite or present: no lowest or highest shows it."""
        found = []
        for values, present in ((self.reference, self.has_reference), (self.candidate, self.has_candidate)):
            state = present.astype(np.int8) + np.isfinite(values)
            turns = np.flatnonzero(np.diff(state))
            found += [int(one) for turn in (*turns[:2], *turns[-1:]) for one in (turn, turn + 1)]
        return found


def curves(judgement: Judgement, among: Sequence[Track], limit: int) -> tuple[list[Curve], int]:
    """At most ``limit`` curves of what is worth drawing, and how many of that were left out.

    What counts against parity comes first, then what differs otherwise, then what is equal; each in causal order. What
    never changes and is the same on both sides is not worth a chart.
    """
    worth = [one for one in among if one.channel.kind in _NUMBERS and _moves(one)]
    worth.sort(key=lambda one: (one.standing, causal(one.channel.name)))
    return [curve(judgement, one) for one in worth[:limit]], max(0, len(worth) - limit)


def curve(judgement: Judgement, track: Track) -> Curve:
    """The curve of ``track``, which holds numbers."""
    ours, theirs = (
        keys(one.updates) if one is not None else np.zeros(0, np.int64) for one in (track.reference, track.candidate)
    )
    union = np.union1d(ours, theirs)
    reference, has_reference = _spread(track.reference, ours, union)
    candidate, has_candidate = _spread(track.candidate, theirs, union)
    same = _same(track, ours, theirs, union)
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.where(same, 0.0, candidate - reference)
    updates, ordinals = places(union)
    apart = np.flatnonzero(~same)
    return Curve(
        track=track,
        updates=updates,
        ordinals=ordinals,
        reference=reference,
        candidate=candidate,
        has_reference=has_reference,
        has_candidate=has_candidate,
        difference=difference,
        floor=_floor(judgement, track, np.searchsorted(union, ours), len(union)),
        first=int(apart[0]) if len(apart) and track.measurements else -1,
        total=len(union),
    )


def _moves(track: Track) -> bool:
    sides = [one for one in (track.reference, track.candidate) if one is not None]
    if max((len(one) for one in sides), default=0) < _FEWEST:
        return False
    return bool(track.measurements) or any((one.values != one.values[0]).any() for one in sides)


def _spread(
    series: Series | None, own: NDArray[np.int64], union: NDArray[np.int64]
) -> tuple[Floats, NDArray[np.bool_]]:
    at = np.searchsorted(union, own)
    values, present = np.full(len(union), np.nan), np.zeros(len(union), dtype=np.bool_)
    if series is not None:
        values[at], present[at] = series.values.astype(np.float64), True
    return values, present


def _same(
    track: Track, ours: NDArray[np.int64], theirs: NDArray[np.int64], union: NDArray[np.int64]
) -> NDArray[np.bool_]:
    same = np.zeros(len(union), dtype=np.bool_)
    if track.reference is not None and track.candidate is not None:
        both, left, right = np.intersect1d(ours, theirs, assume_unique=True, return_indices=True)
        same[np.searchsorted(union, both)] = bits(track.reference)[left] == bits(track.candidate)[right]
    return same


def _floor(judgement: Judgement, track: Track, at: NDArray[np.intp], length: int) -> Floats | None:
    scale = judgement.noise.scale if judgement.noise is not None else None
    found = scale.floor(track.first) if scale is not None and track.first is not None else None
    if found is None or len(found[0]) != len(at):
        return None
    series, relative = found
    floor = np.full(length, np.nan)
    floor[at] = FACTOR * relative * scales(series.values.astype(np.float64))
    return floor
