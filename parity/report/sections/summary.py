"""What a reader knows after one paragraph and one table: the verdict, where it starts to differ, and why."""

from collections.abc import Sequence
from typing import Final

from parity.diagnose.outcome import Outcome
from parity.findings.model import Finding, Verdict
from parity.report.document import Block, Bullets, Code, Paragraph, Section, Strong, Table, Text
from parity.report.evidence import location, unproven
from parity.report.explanation import Explanation, explanations, unexplained
from parity.report.facts import compared_channels, overall, program, totals, verdict
from parity.report.sections.accepted import accepted_causes, only_change
from parity.report.wording import capitalised, count, named, quoted, sentence, share, shorten, squeezed, values, word
from parity.trace.channels import CHANNELS, Phase

_MOST_CAUSES: Final = 5
_HEADER: Final = (
    ("Scenario",),
    ("Verdict",),
    ("Updates compared",),
    ("Values compared",),
    ("Values equal",),
    ("First divergence",),
    ("Probable cause",),
)


def summary(outcomes: Sequence[Outcome]) -> Section:
    """Verdict, one row per scenario, and the most significant causes over all of them."""
    blocks: list[Block] = [Paragraph(_verdict(outcomes)), Table(_HEADER, tuple(_row(one) for one in outcomes))]
    found = explanations(outcomes)
    left = sum(len(sighting.findings) for sighting in unexplained(outcomes))
    if found:
        lead = "The most significant causes are:" if len(found) > 1 else "The probable cause is:"
        blocks += [Paragraph((lead,)), Bullets(tuple(_cause(one) for one in found[:_MOST_CAUSES]), numbered=True)]
        if len(found) > _MOST_CAUSES:
            more = count(len(found) - _MOST_CAUSES, "further cause")
            blocks.append(Paragraph((f"... and {more}, described below.",)))
    if left:
        unknown = f"No known cause explains {count(left, 'finding')}; see "
        blocks.append(Paragraph((unknown, Strong(("Cause unknown",)), " below.")))
    blocks.append(Paragraph((_phases(outcomes), " Updates, micro-steps and ranks are counted from 0.")))
    return Section(("Executive summary",), tuple(blocks))


def _phases(outcomes: Sequence[Outcome]) -> str:
    """Which parts of the training the verdict speaks about."""
    judged = [outcome.judgement for outcome in outcomes if outcome.judgement is not None]
    compared = {CHANNELS[name].phase for one in judged for name in compared_channels(one) if name in CHANNELS}
    blind = [phase.name.lower() for phase in Phase if phase not in compared]
    if not compared:
        return "No phase of the training was compared."
    seen = ", ".join(phase.name.lower() for phase in sorted(compared))
    return f"Phases with compared values: {seen}; without any: {', '.join(blind) or 'none'}."


def _verdict(outcomes: Sequence[Outcome]) -> Text:
    verdicts = [verdict(outcome) for outcome in outcomes]
    several = len(outcomes) > 1
    gravest = overall(verdicts)
    part = f"{verdicts.count(gravest)} of {count(len(outcomes), 'scenario')}"
    if gravest is Verdict.IDENTICAL:
        return Strong(("Parity: identical.",)), *_parity(outcomes)
    if gravest is Verdict.EQUIVALENT:
        rest = (
            " Every difference between the programs lies within the measured noise of the reference itself, or within "
            "a tolerance of the policy, or does not count against parity."
        )
        return Strong(("Parity: equivalent.",)), rest
    if gravest is Verdict.WAIVED:
        rest = f" In {part} everything that would count against parity is accepted, each finding by name; see below. "
        return Strong(("Parity: waived.",)), rest, *(one for outcome in outcomes for one in only_change(outcome))
    if gravest is Verdict.NOT_COMPARED:
        where = f"In {part} nothing is known about parity. " if several else "Nothing is known about parity. "
        return Strong(("Not compared.",)), f" {where}", *_unproven(outcomes)
    where = f"In {part} the" if several else "The"
    opening = f" {where} candidate does not train as the reference does. "
    failed = verdicts.count(Verdict.NOT_COMPARED)
    closing = f" {capitalised(count(failed, 'scenario'))} could not be compared at all." if failed else ""
    return Strong(("Different.",)), opening, *_first(outcomes), closing


def _unproven(outcomes: Sequence[Outcome]) -> Text:
    for outcome in outcomes:
        if outcome.judgement is not None and unproven(outcome.judgement):
            scenario: Text = ("Scenario ", Code(outcome.scenario), ": ") if len(outcomes) > 1 else ()
            return *scenario, *unproven(outcome.judgement)
    return ()


def _parity(outcomes: Sequence[Outcome]) -> Text:
    judged = [outcome.judgement for outcome in outcomes if outcome.judgement is not None]
    comparison = judged[0].comparison
    parts = [totals(outcome) for outcome in outcomes]
    compared = count(sum(one.values for one in parts), "value")
    updates = count(sum(one.updates for one in parts), "update")
    everywhere = f" in all {count(len(outcomes), 'scenario')}" if len(outcomes) > 1 else ""
    spared = sum(len(one.not_compared) for one in judged)
    return (
        " In everything that was compared, ",
        Code(program(comparison.candidate)),
        " trains exactly as ",
        Code(program(comparison.reference)),
        f" does{everywhere}. Compared bit for bit: {compared} over {updates}. ",
        _others(sum(not finding.gates for one in judged for finding in one.findings)),
        f" Not compared: {count(spared, 'item')}, each with its reason below." if spared else "",
    )


def _others(number: int) -> str:
    if not number:
        return "No difference of any kind was found."
    counted = "1 difference that does not count against parity is" if number == 1 else ""
    return f"{counted or f'{number:,} differences that do not count against parity are'} listed below."


def _first(outcomes: Sequence[Outcome]) -> Text:
    """The first divergence of the first scenario that has one."""
    judged = [(one.scenario, one.judgement) for one in outcomes if one.judgement is not None]
    diverging = [(name, judgement) for name, judgement in judged if judgement.gating]
    if not diverging:
        return ("No difference counts, but the candidate alone violates what must hold in any run; see below.",)
    name, judgement = diverging[0]
    finding = judgement.gating[0]
    reference, candidate = values(finding.first)
    scenario: Text = (" of scenario ", Code(name)) if len(outcomes) > 1 else ()
    return (
        "The first divergence",
        *scenario,
        f" is in {finding.channel.title} (",
        Code(finding.channel.name),
        ")",
        *named(finding.channel, finding.first.name),
        f", {location(finding.first, judgement.comparison)}: reference ",
        *reference,
        ", candidate ",
        *candidate,
        ".",
    )


def _row(outcome: Outcome) -> tuple[Text, ...]:
    shown = verdict(outcome)
    total = totals(outcome)
    name: Text = (Code(outcome.scenario),)
    if outcome.judgement is None:
        return name, (Strong((word(shown),)),), ("0",), ("0",), ("0",), _error(outcome), ("none sought",)
    finding = outcome.judgement.first_divergence
    return (
        name,
        (Strong((word(shown),)),),
        (f"{total.updates:,}",),
        (f"{total.values:,}",),
        (f"{total.equal:,}",),
        _divergence(finding, outcome),
        _probable(outcome),
    )


def _error(outcome: Outcome) -> Text:
    if outcome.error is None:
        return ("not sought: the scenario has no result",)
    told = str(outcome.error).partition("\n")[0]
    return "not sought: ", Code(outcome.error.slug), f": {shorten(squeezed(told))}"


def _divergence(finding: Finding | None, outcome: Outcome) -> Text:
    if finding is None or outcome.judgement is None:
        return ("none" if verdict(outcome) is not Verdict.NOT_COMPARED else "none that can be proven",)
    where = location(finding.first, outcome.judgement.comparison)
    name: Text = (" ", *quoted(finding.first.name, 40)) if finding.first.name else ()
    return Code(finding.channel.name), *name, f" {where}"


def _probable(outcome: Outcome) -> Text:
    judgement, diagnosis = outcome.judgement, outcome.diagnosis
    causes = accepted_causes(outcome)
    if causes and judgement is not None and not judgement.gating:
        return (f"accepted: {'; '.join(cause.title for cause in causes)}",)
    if judgement is None or not judgement.gating:
        return ("none needed" if verdict(outcome) is not Verdict.NOT_COMPARED else "none sought",)
    if diagnosis is None or not diagnosis.causes:
        return ("unknown",)
    cause = diagnosis.causes[0]
    return (f"{cause.title}: explains {share(cause, diagnosis)}",)


def _cause(explanation: Explanation) -> Text:
    cause = explanation.cause
    where: list[str | Code] = []
    for sighting in explanation.sightings:
        where += [", " if where else "", f"{sighting.share} in ", Code(sighting.scenario)]
    return Strong((sentence(cause.title),)), f" {sentence(cause.consequence)} Explains ", *where, "."
