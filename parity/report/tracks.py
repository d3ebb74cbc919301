"""Series of both sides next to each other, with what was judged of each: what charts, timelines and tables show."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from parity.compare.measurement import Difference, Measurement
from parity.compare.precision import Precisions, find_precisions, within_precision
from parity.compare.series import bits, keys, places, positions
from parity.findings.model import Judgement, Verdict
from parity.trace.channels import Channel
from parity.trace.model import Process, Series

_DESCRIPTIVE: Final = frozenset({"call_site", "config_source", "source_file", "samples", "sample"})
_Key = tuple[str, str, int]


class Standing(IntEnum):
    """What is said of a series, the gravest first; ``LISTED`` is a difference that does not count against parity."""

    DIFFERENT = 0
    EQUIVALENT = 1
    LISTED = 2
    NOT_COMPARED = 3
    IDENTICAL = 4

    @property
    def word(self) -> str:
        """As it stands in a sentence."""
        return _WORDS[self]


_WORDS: Final = {
    Standing.DIFFERENT: "different",
    Standing.EQUIVALENT: "equivalent",
    Standing.LISTED: "different, does not count",
    Standing.NOT_COMPARED: "not compared",
    Standing.IDENTICAL: "identical",
}


@dataclass(frozen=True, kw_only=True)
class Track:
    """One series of both sides; at least one of ``reference`` and ``candidate`` is there, or only measurements are.

    ``finding`` is the position of the gravest finding about it in the judgement, -1 where there is none;
    ``measurements`` are what was measured of it, the earliest first.
    """

    channel: Channel
    name: str
    candidate_name: str
    rank: int
    reference: Series | None
    candidate: Series | None
    standing: Standing
    finding: int = -1
    measurements: tuple[Measurement, ...] = ()

    @property
    def first(self) -> Measurement | None:
        """The earliest difference."""
        return self.measurements[0] if self.measurements else None

    @cached_property
    def updates(self) -> NDArray[np.int64]:
        """Updates of all values that either side has, one entry for each value, ascending."""
        ours, theirs = (one.updates if one is not None else None for one in (self.reference, self.candidate))
        if ours is None or theirs is None or np.array_equal(ours, theirs):
            known = ours if ours is not None else theirs
            return known if known is not None else np.zeros(0, np.int64)
        return places(np.union1d(keys(ours), keys(theirs)))[0]

    @cached_property
    def apart(self) -> NDArray[np.int64]:
        """Updates of all values that differ, are missing or extra, one entry for each value, ascending."""
        if not self.measurements:
            return np.zeros(0, np.int64)
        if self.reference is None or self.candidate is None:
            return self.updates if len(self.updates) else np.array([one.update for one in self.measurements])
        left, right = positions(self.reference, self.candidate)
        differing = left[bits(self.reference)[left] != bits(self.candidate)[right]]
        missing = np.delete(self.reference.updates, left)
        extra = np.delete(self.candidate.updates, right)
        return np.sort(np.concatenate([self.reference.updates[differing], missing, extra]))


def tracks(judgement: Judgement) -> list[Track]:
    """Every series of every rank that both sides have, in the order in which the reference shows them."""
    return list(_Pairing(judgement).tracks())


class _Pairing:
    def __init__(self, judgement: Judgement) -> None:
        self.comparison = judgement.comparison
        self.measured: dict[_Key, list[Measurement]] = {}
        for one in self.comparison.measurements:
            self.measured.setdefault((one.channel.name, one.name, one.rank), []).append(one)
        self.standings = _standings(judgement)
        self.skipped = {(one.channel, one.name) for one in judgement.not_compared}
        self.precisions = find_precisions(self.comparison.reference, self.comparison.candidate)

    def tracks(self) -> Iterator[Track]:
        seen: set[_Key] = set()
        for process in self.comparison.reference.processes:
            other = self.comparison.candidate.rank(process.rank)
            for track in self._of_rank(process, other):
                seen.add((track.channel.name, track.name, track.rank))
                yield track
        for (_, name, rank), found in self.measured.items():
            if (found[0].channel.name, name, rank) not in seen:
                yield self._track(found[0].channel, name, rank, found[0].candidate_name, None, None)

    def _of_rank(self, process: Process, other: Process | None) -> Iterator[Track]:
        matched = set()
        for (channel, name), series in process.series.items():
            if channel in _DESCRIPTIVE:
                continue
            other_name = self.comparison.alignment.candidate_name(channel, name)
            matched.add((channel, other_name))
            theirs = other.get(channel, other_name) if other is not None else None
            if theirs is not None:
                theirs = _known(series, theirs, self.precisions)
            yield self._track(series.channel, name, process.rank, other_name, series, theirs)
        for (channel, name), series in other.series.items() if other is not None else ():
            if (channel, name) not in matched and channel not in _DESCRIPTIVE:
                yield self._track(series.channel, name, process.rank, name, None, series)

    def _track(
        self, channel: Channel, name: str, rank: int, other: str, ours: Series | None, theirs: Series | None
    ) -> Track:
        found = self.measured.get((channel.name, name, rank), [])
        ranked = [self.standings.get(one, (self._unjudged(one), -1)) for one in found]
        skipped = not {(channel.name, name), (channel.name, "")}.isdisjoint(self.skipped)
        alone = Standing.NOT_COMPARED if skipped or ours is None or theirs is None else Standing.IDENTICAL
        standing, finding = min(ranked, default=(alone, -1))
        return Track(
            channel=channel,
            name=name,
            candidate_name=other,
            rank=rank,
            reference=ours,
            candidate=theirs,
            standing=standing,
            finding=finding,
            measurements=tuple(found),
        )

    def _unjudged(self, measurement: Measurement) -> Standing:
        """What no finding holds was excused, or is a number whose whole line is listed."""
        excused = (measurement.channel.name, measurement.name) in self.skipped
        wording = measurement.channel.name == "log_value" and measurement.difference is not Difference.VALUE
        return Standing.LISTED if wording and not excused else Standing.NOT_COMPARED


def _standings(judgement: Judgement) -> Mapping[Measurement, tuple[Standing, int]]:
    found: dict[Measurement, tuple[Standing, int]] = {}
    for at, finding in enumerate(judgement.findings):
        standing = Standing.DIFFERENT if finding.gates else Standing.LISTED
        if finding.verdict is Verdict.EQUIVALENT:
            standing = Standing.EQUIVALENT
        found |= dict.fromkeys(finding.measurements, (standing, at))
    return found


def _known(reference: Series, candidate: Series, precisions: Precisions) -> Series:
    return within_precision(reference, candidate, *precisions.of(reference.name, candidate.name))[0]
