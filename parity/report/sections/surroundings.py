"""Differences that do not make the comparison fail: lines printed, configuration, environment, files, and so on."""

from collections.abc import Sequence
from typing import Final

from parity.diagnose.outcome import Outcome
from parity.findings.model import Finding, Verdict
from parity.report.document import Bullets, Code, Inline, Paragraph, Section, Strong, Text
from parity.report.wording import capitalised, listed, quoted, values, word

_MOST_NAMES: Final = 5
_WHERE: Final = {Verdict.MISSING: " in the candidate", Verdict.EXTRA: " in the candidate"}


def surroundings(outcomes: Sequence[Outcome]) -> Section:
    """One line per kind of difference; the same one in several scenarios is said once. Noise has its own section."""
    heading: Text = ("Other differences",)
    found: dict[str, tuple[Finding, list[str]]] = {}
    judged = [outcome for outcome in outcomes if outcome.judgement is not None]
    for outcome in judged:
        assert outcome.judgement is not None
        for finding in outcome.judgement.findings:
            if not finding.gates and not finding.waiver and finding.verdict is not Verdict.EQUIVALENT:
                found.setdefault(finding.id, (finding, []))[1].append(outcome.scenario)
    if not judged:
        return Section(heading, (Paragraph(("Not known: no scenario led to a comparison.",)),))
    if not found:
        return Section(heading, (Paragraph(("None found in anything that was compared.",)),))
    lead = "These do not count against parity. They are listed because a reviewer may want to know."
    items = tuple(
        (*_item(finding), *_scenarios(scenarios, len(outcomes)), ".") for finding, scenarios in found.values()
    )
    return Section(heading, (Paragraph((lead,)), Bullets(items)))


def _item(finding: Finding) -> Text:
    channel = finding.channel
    opening: Text = (
        Strong((capitalised(channel.title),)),
        " (",
        Code(channel.name),
        f"), {word(finding.verdict)}{_WHERE.get(finding.verdict, '')}",
    )
    if finding.verdict in _WHERE:
        return (*opening, ": ", *listed(finding.names, _MOST_NAMES)) if finding.names != ("",) else opening
    parts: list[Inline] = []
    firsts = {measurement.name: measurement for measurement in reversed(finding.measurements)}
    for name in finding.names[:_MOST_NAMES]:
        reference, candidate = values(firsts[name])
        title: Text = (*quoted(name), " ") if name else ()
        parts += ["; " if parts else "", *title, "reference ", *reference, ", candidate ", *candidate]
    more = len(finding.names) - _MOST_NAMES
    return (*opening, ": ", *parts, f" ... and {more:,} more" if more > 0 else "")


def _scenarios(scenarios: Sequence[str], all_of_them: int) -> Text:
    if len(scenarios) == all_of_them:
        return ()
    return " (only in ", *listed(scenarios, _MOST_NAMES), ")"
