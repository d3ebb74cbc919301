"""One scenario as the page shows it: the words that stand in it, and the data that its scripts draw from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from parity.diagnose import closeup
from parity.diagnose.outcome import Outcome
from parity.findings.model import Finding, Judgement, Verdict
from parity.report.document import Block, Code, Text
from parity.report.evidence import evidence, location, unproven
from parity.report.facts import totals, verdict
from parity.report.html.data import Room, scenario_data
from parity.report.sections.follow import written
from parity.report.sections.noise import in_one_line
from parity.report.tracks import Standing
from parity.report.wording import capitalised, count, named, sentence, share, shorten, size, squeezed, values

_MOST_FINDINGS: Final = 40
_MOST_CAUSES: Final = 3
_MOST_LINES: Final = 3
_LONGEST: Final = 300


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A finding with its evidence; ``position`` is its place in the judgement."""

    position: int
    standing: Standing
    heading: Text
    blocks: tuple[Block, ...]


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """The first difference that counts, as the first screen tells it."""

    position: int
    where: str
    what: Text
    reference: Text
    candidate: Text
    size: str


@dataclass(frozen=True, kw_only=True)
class View:
    """Everything about one scenario. ``data`` is drawn by the page's scripts, all else stands in it as text."""

    name: str
    verdict: Verdict
    says: str
    divergence: Divergence | None
    causes: tuple[Text, ...]
    notes: tuple[tuple[str, Text], ...]
    findings: tuple[Shown, ...]
    hidden: int
    data: dict[str, object]


def view(outcome: Outcome, room: Room) -> View:
    """What the page shows of ``outcome`` within ``room``."""
    judgement = outcome.judgement
    shown = _shown(judgement) if judgement is not None else []
    return View(
        name=outcome.scenario,
        verdict=verdict(outcome),
        says=_says(outcome),
        divergence=_divergence(judgement) if judgement is not None else None,
        causes=_causes(outcome),
        notes=tuple(_notes(outcome)),
        findings=tuple(shown),
        hidden=len(judgement.findings) - len(shown) if judgement is not None else 0,
        data=scenario_data(judgement, room, _doubted(outcome)) if judgement is not None else {},
    )


def _doubted(outcome: Outcome) -> frozenset[str]:
    """The phases of which follow mode took something out, because it follows from what differs before."""
    phases = outcome.followed.phases if outcome.followed is not None else ()
    return frozenset(one.name for one in phases if one.not_compared)


def _says(outcome: Outcome) -> str:
    if outcome.judgement is None:
        error = outcome.error
        return sentence(f"{error.slug}: {squeezed(str(error))}" if error is not None else "The scenario has no result")
    total = totals(outcome)
    equal = "all" if total.equal == total.values else f"{total.equal:,}"
    compared = f"{count(total.updates, 'update')}, {count(total.values, 'value')}"
    skipped = len(outcome.judgement.not_compared)
    left = f" {capitalised(count(skipped, 'item'))} could not be compared; the full report says why." if skipped else ""
    return f"{compared} in {count(total.series, 'series', 'series')} compared, {equal} equal bit for bit.{left}"


def _divergence(judgement: Judgement) -> Divergence | None:
    finding = judgement.first_divergence
    if finding is None:
        return None
    reference, candidate = values(finding.first)
    return Divergence(
        position=judgement.findings.index(finding),
        where=f"{location(finding.first, judgement.comparison)}, phase {finding.phase.name.lower()}",
        what=_what(finding),
        reference=reference,
        candidate=candidate,
        size=size(finding.first),
    )


def _what(finding: Finding) -> Text:
    return (
        capitalised(finding.channel.title),
        " (",
        Code(finding.channel.name),
        ")",
        *named(finding.channel, finding.first.name),
    )


def _causes(outcome: Outcome) -> tuple[Text, ...]:
    diagnosis = outcome.diagnosis
    if outcome.judgement is None or not outcome.judgement.gating:
        return ()
    if diagnosis is None or not diagnosis.causes:
        return (("Unknown: no known cause predicts what was measured.",),)
    return tuple(
        (f"{sentence(cause.title)} {sentence(cause.consequence)} Explains {share(cause, diagnosis)}.",)
        for cause in diagnosis.causes[:_MOST_CAUSES]
    )


def _notes(outcome: Outcome) -> Iterator[tuple[str, Text]]:
    """What was done beyond one comparison, each in a line; the full report has it at length."""
    judgement = outcome.judgement
    for zoom in outcome.closeups:
        for line in (*closeup.lines(zoom), *zoom.remarks)[:_MOST_LINES]:
            yield "Close-up", (shorten(line, _LONGEST),)
    if judgement is not None and judgement.noise is not None:
        yield "Noise", (in_one_line(judgement.noise),)
    if outcome.followed is not None:
        yield "Followed", (outcome.followed.refusal or written(outcome.followed),)
    if judgement is not None and unproven(judgement):
        yield "Not reproducible" if judgement.irreproducible else "Not comparable", unproven(judgement)
    for betrayal in outcome.invariants.betrayals if outcome.invariants is not None else ():
        if betrayal.gates:
            yield "Betrayed", (f"{sentence(betrayal.candidate.invariant.broken)} {betrayal.candidate.evidence[0]}",)


def _shown(judgement: Judgement) -> list[Shown]:
    """The findings that count first, so that these are not the ones that find no room."""
    ordered = sorted(enumerate(judgement.findings), key=lambda pair: _standing(pair[1]))
    return [
        Shown(
            position=at,
            standing=_standing(finding),
            heading=(*_what(finding), f", {location(finding.first, judgement.comparison)}"),
            blocks=evidence(finding, judgement.comparison),
        )
        for at, finding in ordered[:_MOST_FINDINGS]
    ]


def _standing(finding: Finding) -> Standing:
    if finding.verdict is Verdict.EQUIVALENT:
        return Standing.EQUIVALENT
    return Standing.DIFFERENT if finding.gates else Standing.LISTED
