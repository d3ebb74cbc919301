"""Differences that do not make the comparison fail: lines printed, configuration, environment, files, and so on."""

from collections.abc import Iterator, Sequence
from typing import Final

from parity.diagnose.outcome import Outcome
from parity.findings.model import Finding, Verdict
from parity.report.document import Bullets, Code, Paragraph, Section, Strong, Text
from parity.report.wording import capitalised, listed, quoted, values, word

_MOST_NAMES: Final = 5
_WHERE: Final = {Verdict.MISSING: " in the candidate", Verdict.EXTRA: " in the candidate"}
_Where = tuple[str, Finding]
"""A scenario, and what was found in it."""


def surroundings(outcomes: Sequence[Outcome]) -> Section:
    """One line per kind of difference, however many scenarios have it. Noise has its own section."""
    heading: Text = ("Other differences",)
    found: dict[tuple[str, Verdict], list[_Where]] = {}
    judged = [outcome for outcome in outcomes if outcome.judgement is not None]
    for outcome in judged:
        assert outcome.judgement is not None
        for finding in outcome.judgement.findings:
            if not finding.gates and not finding.waiver and finding.verdict is not Verdict.EQUIVALENT:
                found.setdefault((finding.channel.name, finding.verdict), []).append((outcome.scenario, finding))
    if not judged:
        return Section(heading, (Paragraph(("Not known: no scenario led to a comparison.",)),))
    if not found:
        return Section(heading, (Paragraph(("None found in anything that was compared.",)),))
    lead = "These do not count against parity. They are listed because a reviewer may want to know."
    items = tuple((*_item(places), *_scenarios(places, len(outcomes)), ".") for places in found.values())
    return Section(heading, (Paragraph((lead,)), Bullets(items)))


def _item(places: Sequence[_Where]) -> Text:
    finding = places[0][1]
    opening: Text = (
        Strong((capitalised(finding.channel.title),)),
        " (",
        Code(finding.channel.name),
        f"), {word(finding.verdict)}{_WHERE.get(finding.verdict, '')}",
    )
    if finding.verdict in _WHERE:
        names = list(dict.fromkeys(name for _, one in places for name in one.names))
        return (*opening, ": ", *listed(names, _MOST_NAMES)) if names != [""] else opening
    # keyed by its text: one name may have other values in another scenario
    told = {repr(text): text for _, one in places for text in _values(one)}
    parts = [part for text in list(told.values())[:_MOST_NAMES] for part in ("; ", *text)]
    more = len(told) - _MOST_NAMES
    return (*opening, ": ", *parts[1:], f" ... and {more:,} more" if more > 0 else "")


def _values(finding: Finding) -> Iterator[Text]:
    """The first values of each name that differ."""
    firsts = {measurement.name: measurement for measurement in reversed(finding.measurements)}
    for name in finding.names:
        reference, candidate = values(firsts[name])
        title: Text = (*quoted(name), " ") if name else ()
        yield (*title, "reference ", *reference, ", candidate ", *candidate)


def _scenarios(places: Sequence[_Where], all_of_them: int) -> Text:
    scenarios = list(dict.fromkeys(scenario for scenario, _ in places))
    alike = len({one.names for _, one in places}) == 1
    if len(scenarios) == all_of_them:
        return () if alike else (" (not all of it in every scenario)",)
    return " (only in ", *listed(scenarios, _MOST_NAMES), ")" if alike else ", and not all of it in each)"
