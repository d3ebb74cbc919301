"""The discrepancies that change the training, one subsection per cause, each with evidence from both sides."""

from collections.abc import Sequence
from typing import Final

from parity.compare.measurement import Comparison
from parity.diagnose.outcome import Outcome
from parity.diagnose.registry import documented
from parity.findings.model import Finding, Verdict
from parity.report.document import Block, Bullets, Code, Excerpt, Inline, Paragraph, Section, Strong, Table, Text
from parity.report.evidence import evidence, location, unproven
from parity.report.explanation import Explanation, Sighting, explanations, unexplained
from parity.report.facts import overall, totals, verdict
from parity.report.wording import (
    capitalised,
    count,
    extent,
    listed,
    quoted,
    sentence,
    values,
    word,
)
from parity.trace.channels import Carries

_MOST_ROWS: Final = 12
_MOST_EVIDENCE: Final = 3
_HEADER: Final = (
    ("Finding",),
    ("Names",),
    ("First seen",),
    ("Reference",),
    ("Candidate",),
    ("Extent",),
)


def causes(outcomes: Sequence[Outcome]) -> Section:
    """Causes over all scenarios, then what no cause explains, then the scenarios that have no comparison."""
    several = len(outcomes) > 1
    sections = [_explained(one, several=several) for one in explanations(outcomes)]
    left = unexplained(outcomes)
    if left:
        sections.append(_unexplained(left, several=several))
    sections += [_failed(outcome) for outcome in outcomes if outcome.judgement is None]
    doubts = tuple(
        Paragraph(("Scenario ", Code(outcome.scenario), ": ", *unproven(outcome.judgement)))
        for outcome in outcomes
        if outcome.judgement is not None and outcome.judgement.irreproducible
    )
    return Section(("Functional discrepancies",), (Paragraph((_lead(outcomes, sections),)), *doubts), tuple(sections))


def _lead(outcomes: Sequence[Outcome], sections: Sequence[Section]) -> str:
    gravest = overall(verdict(outcome) for outcome in outcomes)
    if any(outcome.judgement is not None and outcome.judgement.gating for outcome in outcomes):
        return "These differences change the training. Each states what was measured, on both sides."
    parts = [totals(outcome) for outcome in outcomes]
    if all(verdict(outcome) is Verdict.NOT_COMPARED for outcome in outcomes):
        return f"{capitalised(word(gravest))}: neither a discrepancy nor its absence can be shown."
    compared = count(sum(part.values for part in parts), "value")
    series = sum(part.series for part in parts)
    closing = " What could not be compared follows." if sections else ""
    return (
        f"None found. Among {compared} in {count(series, 'series', 'series')}, no difference counts against parity."
        f"{closing}"
    )


def _explained(explanation: Explanation, *, several: bool) -> Section:
    cause = explanation.cause
    blocks: list[Block] = []
    for sighting in explanation.sightings:
        if sighting.findings:
            blocks += evidence(sighting.findings[0], sighting.comparison)
            break
    if cause.consequence:
        blocks.append(Paragraph((Strong((sentence(cause.consequence),)),)))
    if cause.evidence:
        blocks.append(Paragraph(("Why this is the probable cause:",)))
        blocks.append(Bullets(tuple((line,) for line in cause.evidence)))
    if cause.advice:
        blocks.append(Paragraph((Strong(("Advice:",)), f" {sentence(cause.advice)}")))
    blocks.append(Paragraph(("More about this cause: ", Code(documented(cause.id)), ".")))
    table = _findings(explanation.sightings, several=several)
    # A single finding has been shown in full above; the sentence alone says that it is the only one.
    single = len({finding.id for sighting in explanation.sightings for finding in sighting.findings}) == 1
    blocks.append(Paragraph((*_explains(explanation), "." if single else ":")))
    blocks += () if single else table
    return Section((cause.title,), tuple(blocks))


def _explains(explanation: Explanation) -> Text:
    parts: list[Inline] = []
    for sighting in explanation.sightings:
        parts += [", " if parts else "", f"{sighting.share} in ", Code(sighting.scenario)]
    return "It explains ", *parts


def _unexplained(left: tuple[Sighting, ...], *, several: bool) -> Section:
    distinct: dict[str, tuple[Finding, Sighting]] = {}
    for sighting in left:
        for finding in sighting.findings:
            distinct.setdefault(finding.id, (finding, sighting))
    number = len(distinct)
    these = "this finding" if number == 1 else f"these {number:,} findings"
    followers = sum(finding.channel.carries is Carries.VALUES for finding, _ in list(distinct.values())[1:])
    lead = f"No known cause predicts {these}. The measurements stand; the reason for them has to be found."
    blocks: list[Block] = [Paragraph((lead + _inherited(followers),))]
    for finding, sighting in list(distinct.values())[:_MOST_EVIDENCE]:
        blocks += evidence(finding, sighting.comparison)
    if number > _MOST_EVIDENCE or several:
        blocks += (Paragraph(("All findings without a known cause:",)), *_findings(left, several=several))
    return Section(("Cause unknown",), tuple(blocks))


def _inherited(followers: int) -> str:
    if not followers:
        return ""
    lies = "of them lies in a channel that inherits" if followers == 1 else "of them lie in channels that inherit"
    return f" {followers:,} {lies} earlier numeric differences, and may follow from what comes first."


def _findings(sightings: Sequence[Sighting], *, several: bool) -> tuple[Block, ...]:
    """Table of findings, one row for the same one in several scenarios, with the values of the first."""
    found: dict[str, tuple[Finding, Comparison, list[str]]] = {}
    for sighting in sightings:
        for finding in sighting.findings:
            found.setdefault(finding.id, (finding, sighting.comparison, []))[2].append(sighting.scenario)
    rows = [
        ((listed(scenarios),) if several else ()) + _row(finding, comparison)
        for finding, comparison, scenarios in found.values()
    ]
    header: tuple[Text, ...] = (("Scenario",), *_HEADER) if several else _HEADER
    more = len(rows) - _MOST_ROWS
    notes: list[Block] = []
    if any(len(scenarios) > 1 for _, _, scenarios in found.values()):
        notes.append(Paragraph(("Places and values are those of the first scenario in a row.",)))
    if more > 0:
        notes.append(Paragraph((f"... and {count(more, 'more finding')}.",)))
    return Table(header, tuple(rows[:_MOST_ROWS])), *notes


def _row(finding: Finding, comparison: Comparison) -> tuple[Text, ...]:
    reference, candidate = values(finding.first)
    return (
        (Strong((f"{word(finding.verdict)}:",)), f" {finding.channel.title} (", Code(finding.channel.name), ")"),
        listed(finding.names) if finding.names != ("",) else ("only series",),
        (location(finding.first, comparison),),
        reference,
        candidate,
        (extent(finding),),
    )


def _failed(outcome: Outcome) -> Section:
    heading: Text = ("Not compared: scenario ", *quoted(outcome.scenario))
    error = outcome.error
    if error is None:
        return Section(heading, (Paragraph(("The scenario has no result.",)),))
    first, *rest = str(error).strip().splitlines() or [""]
    more = (Excerpt("\n".join(rest), language="text"),) if rest else ()
    return Section(
        heading,
        (
            Paragraph((Strong(("Error",)), " ", Code(error.slug), f": {sentence(first)}")),
            *more,
            Paragraph(("More about it: ", Code(f"parity help {error.slug}"), ".")),
        ),
    )
