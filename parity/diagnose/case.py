"""What a rule may look at: the judged comparison, both sides' series, and the facts derived from them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from parity.compare.measurement import phase_at
from parity.compare.zoom_model import Zoom
from parity.findings.model import Finding, Judgement
from parity.trace.channels import Carries, Phase
from parity.trace.model import Process, Series, Trace

Pair = tuple[Series, Series]
Place = tuple[int, int, int]


@dataclass(frozen=True)
class Case:
    """A judged comparison under diagnosis. Series are those of the lowest common rank unless a rank is given.

    ``zoom`` is a close-up of the first divergence, where one was taken. Where the candidate was ``followed``, a
    difference spreads no farther than its own phase.
    """

    judgement: Judgement
    zoom: Zoom | None = None
    followed: bool = False

    @property
    def reference(self) -> Trace:
        """The reference side."""
        return self.judgement.comparison.reference

    @property
    def candidate(self) -> Trace:
        """The candidate side."""
        return self.judgement.comparison.candidate

    @cached_property
    def sides(self) -> tuple[Process, Process] | None:
        """Both processes of the lowest rank that both sides recorded, reference first; None where there is none."""
        for process in self.reference.processes:
            other = self.candidate.rank(process.rank)
            if other is not None:
                return process, other
        return None

    def findings(self, *channels: str) -> tuple[Finding, ...]:
        """Gating findings in ``channels``, in causal order."""
        return tuple(finding for finding in self.judgement.gating if finding.channel.name in channels)

    def pairs(self, channel: str) -> list[Pair]:
        """Aligned series of ``channel``, reference first; series without a counterpart are left out."""
        if self.sides is None:
            return []
        reference, candidate = self.sides
        alignment = self.judgement.comparison.alignment
        found = []
        for series in reference.channel(channel):
            other = candidate.get(channel, alignment.candidate_name(channel, series.name))
            if other is not None:
                found.append((series, other))
        return found

    def pair(self, channel: str, name: str = "") -> Pair | None:
        """The aligned series of one channel and reference name."""
        return next((pair for pair in self.pairs(channel) if pair[0].name == name), None)

    def micro_steps(self) -> tuple[int, int]:
        """Micro-steps in the first update of each side; 0 where unknown."""
        pair = self.pair("micro_steps")
        if pair is None or not len(pair[0]) or not len(pair[1]):
            return 0, 0
        return int(pair[0].values[0]), int(pair[1].values[0])

    def worlds(self) -> tuple[int, int]:
        """World size of each side."""
        return self.reference.world, self.candidate.world

    def downstream(self, place: Place) -> list[Finding]:
        """Gating findings after ``place`` that a numeric difference there would bring about by itself."""
        numeric = (one for one in self.judgement.gating if one.channel.carries is Carries.VALUES)
        if not self.followed:
            return [one for one in numeric if one.first.moment >= place]
        phase = phase_at(place)
        # Every evaluation calls the same forward, also one before the first update.
        evaluated = phase is Phase.FORWARD
        return [
            one
            for one in numeric
            if (one.phase is phase and one.first.moment >= place) or (evaluated and one.phase is Phase.EVAL)
        ]


def ratio(pair: Pair) -> float | None:
    """The constant k with candidate = k x reference at every common value, to a relative 1e-6; None if there is none.

    Both series must be numeric; a series of zeros has no ratio.
    """
    reference, candidate = common(pair)
    usable = np.isfinite(reference) & np.isfinite(candidate) & (reference != 0)
    if not usable.any():
        return None
    ratios = candidate[usable] / reference[usable]
    middle = float(np.median(ratios))
    if middle == 0 or not np.allclose(ratios, middle, rtol=1e-6, atol=0.0):
        return None
    return middle


def common(pair: Pair) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values of both series at the (update, ordinal) that both have, as float64."""
    reference, candidate = pair
    positions = {
        (int(update), int(ordinal)): index
        for index, (update, ordinal) in enumerate(zip(candidate.updates, candidate.ordinals(), strict=True))
    }
    kept: list[tuple[int, int]] = []
    for index, (update, ordinal) in enumerate(zip(reference.updates, reference.ordinals(), strict=True)):
        other = positions.get((int(update), int(ordinal)))
        if other is not None:
            kept.append((index, other))
    left = [index for index, _ in kept]
    right = [index for _, index in kept]
    return reference.values[left].astype(np.float64), candidate.values[right].astype(np.float64)


def identifiers(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Fingerprints of ``findings`` without repetition, in order."""
    return tuple(dict.fromkeys(finding.id for finding in findings))
