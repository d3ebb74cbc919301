"""What the reference was seen to do, and for each of it whether the candidate was proved to do the same."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

from parity.compare.measurement import NotCompared
from parity.diagnose.outcome import Outcome
from parity.findings.model import Finding, Judgement, Verdict
from parity.trace.channels import CHANNELS, Channel, Role
from parity.trace.model import Trace

_DESCRIPTIVE: Final = frozenset({"call_site", "config_source", "source_file", "environment", "sample", "samples"})


class Standing(StrEnum):
    """What is known about one behaviour, the gravest first."""

    DIFFERENT = "different"
    MISSING = "missing"
    UNKNOWN = "not compared"
    PARTLY = "proved in part"
    PROVED = "proved"
    UNSEEN = "not exercised"


@dataclass(frozen=True, kw_only=True)
class Sight:
    """One behaviour in one scenario: the numbers behind its standing, and why something was left out."""

    scenario: str
    standing: Standing
    series: int = 0
    values: int = 0
    equal: int = 0
    finding: Finding | None = None
    left_out: tuple[NotCompared, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """One observable of the reference over all scenarios that exercise it."""

    channel: Channel
    sights: tuple[Sight, ...]

    @cached_property
    def standing(self) -> Standing:
        """The gravest standing in any scenario; proved only where it is so in each that exercises it."""
        standings = {sight.standing for sight in self.sights}
        if not standings:
            return Standing.UNSEEN
        if Standing.UNKNOWN in standings and standings & {Standing.PROVED, Standing.PARTLY}:
            standings = (standings - {Standing.UNKNOWN}) | {Standing.PARTLY}
        return min(standings, key=list(Standing).index)

    @property
    def counts(self) -> bool:
        """Whether a difference in it would change the training."""
        return self.channel.role is Role.BEHAVIOUR

    @property
    def values(self) -> int:
        """Number of values that were compared."""
        return sum(sight.values for sight in self.sights)

    @property
    def names(self) -> tuple[str, ...]:
        """The series that make it missing or different."""
        found = (name for sight in self.sights if sight.finding is not None for name in sight.finding.names)
        return tuple(dict.fromkeys(found))

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why something of it was left out."""
        return tuple(dict.fromkeys(one.reason for sight in self.sights for one in sight.left_out))


def behaviours(outcomes: Sequence[Outcome]) -> tuple[Behaviour, ...]:
    """Every channel that describes what a program does, in causal order."""
    judged = [(one.scenario, one.judgement) for one in outcomes if one.judgement is not None]
    found = []
    for channel in CHANNELS.values():
        if channel.only_followed or channel.name in _DESCRIPTIVE:
            continue
        seen = [sight for name, judgement in judged if (sight := _sight(channel, name, judgement)) is not None]
        found.append(Behaviour(channel=channel, sights=tuple(seen)))
    return tuple(sorted(found, key=lambda one: one.channel.phase))


def of_channels(known: Iterable[Behaviour], names: Iterable[str]) -> tuple[Behaviour, ...]:
    """The behaviours of the channels called ``names``."""
    wanted = set(names)
    return tuple(one for one in known if one.channel.name in wanted)


def gravest(known: Iterable[Behaviour]) -> Standing:
    """The gravest standing of several behaviours, leaving out what no scenario exercises."""
    standings = [one.standing for one in known if one.standing is not Standing.UNSEEN]
    return min(standings, key=list(Standing).index, default=Standing.UNSEEN)


def _sight(channel: Channel, scenario: str, judgement: Judgement) -> Sight | None:
    """None where the reference shows nothing of the kind, and the candidate no more than it may."""
    findings = [one for one in judgement.findings if one.channel is channel and _matters(one)]
    comparison = judgement.comparison
    if not findings and not _observed(comparison.reference, channel):
        return None
    covered = comparison.coverage.get(channel.name)
    left_out = tuple(one for one in judgement.not_compared if one.channel == channel.name)
    equal = covered.equal if covered is not None else 0
    # What lies within the noise or a tolerance is proved as far as it can be.
    within = any(one.channel is channel for one in judgement.equivalent)
    whole = covered is not None and (covered.equal == covered.values or within)
    return Sight(
        scenario=scenario,
        standing=_standing(findings, some=bool(equal) or within, whole=whole and not left_out),
        series=covered.series if covered is not None else 0,
        values=covered.values if covered is not None else 0,
        equal=equal,
        finding=findings[0] if findings else None,
        left_out=left_out,
    )


def _standing(findings: Sequence[Finding], *, some: bool, whole: bool) -> Standing:
    if findings:
        gone = all(one.verdict is Verdict.MISSING for one in findings)
        return Standing.MISSING if gone else Standing.DIFFERENT
    if not some:
        return Standing.UNKNOWN
    return Standing.PROVED if whole else Standing.PARTLY


def _matters(finding: Finding) -> bool:
    """Whether something of the reference is concerned: what the candidate may do beside that proves nothing wrong."""
    return finding.gates or finding.verdict not in (Verdict.EQUIVALENT, Verdict.EXTRA)


def _observed(trace: Trace, channel: Channel) -> bool:
    return any(len(series) for process in trace.processes for series in process.channel(channel.name))
