"""Evidence for a finding: what both programs show at its first place, and the lines that did it."""

import json
import textwrap
from collections.abc import Iterable
from typing import Final

from parity.compare.measurement import Comparison, Measurement
from parity.findings.model import Finding, Judgement
from parity.report.document import Block, Code, Evidence, Excerpt, Paragraph, Side, Strong, Text
from parity.report.facts import program
from parity.report.wording import (
    capitalised,
    count,
    extent,
    named,
    place,
    quoted,
    sentence,
    size,
    values,
    word,
)
from parity.trace.channels import Kind
from parity.trace.model import Trace

_MOST_PLACES: Final = 2
_MOST_LINES: Final = 15
_LOG_CHANNELS: Final = frozenset({"log_line", "log_value"})
_LOG_SITE: Final = "log:"


def evidence(finding: Finding, comparison: Comparison) -> tuple[Block, ...]:
    """Where a finding is seen first, how large it is, and both sides of it."""
    first = finding.first
    reference, candidate = values(first)
    return (
        Paragraph(_statement(finding, comparison)),
        Evidence(
            _side(comparison.reference, first, first.name, reference),
            _side(comparison.candidate, first, first.candidate_name, candidate),
        ),
    )


def unproven(judgement: Judgement) -> Text:
    """Why what was found proves nothing: the reference does not reproduce itself, or contents could not be compared."""
    if not judgement.irreproducible:
        blind = judgement.comparison.blind
        return (f"{capitalised(blind)}; until then nothing is known about parity.",) if blind else ()
    first = min(judgement.irreproducible, key=lambda measurement: measurement.place)
    return (
        f"The programs differ in {first.channel.title} (",
        Code(first.channel.name),
        ")",
        *named(first.channel, first.name),
        f", {location(first, judgement.comparison)}, but the reference itself does not reproduce that in a second run",
        ": from there on, a difference proves nothing.",
    )


def location(measurement: Measurement, comparison: Comparison) -> str:
    """Place of ``measurement``, with the micro-step and the rank where there are several."""
    repeats = 0
    for trace, name in ((comparison.reference, measurement.name), (comparison.candidate, measurement.candidate_name)):
        process = trace.rank(measurement.rank)
        series = process.get(measurement.channel.name, name) if process is not None else None
        repeats = max(repeats, 0 if series is None else len(series.at(measurement.update)))
    world = max(comparison.reference.world, comparison.candidate.world)
    return place(measurement, repeats=repeats, world=world)


def sites(trace: Trace, measurement: Measurement, name: str) -> tuple[Excerpt, ...]:
    """The places in a program that caused an observation, as recorded on its rank or else on the lowest one."""
    own = trace.rank(measurement.rank)
    for process in (own, *trace.processes) if own is not None else trace.processes:
        recorded = {one.name: one for one in process.channel("call_site") if len(one)}
        site = _site(measurement, name, recorded)
        if site in recorded:
            different = dict.fromkeys(str(text) for text in recorded[site].values)
            return tuple(found for text in different if (found := _excerpt(text)) is not None)[:_MOST_PLACES]
    return ()


def _statement(finding: Finding, comparison: Comparison) -> Text:
    first, channel = finding.first, finding.channel
    more = len(finding.names) - 1
    other = (" (candidate: ", *quoted(first.candidate_name), ")") if first.candidate_name != first.name else ()
    sized = size(first)
    if not sized and channel.kind is Kind.DIGEST and first.reference is not None and first.candidate is not None:
        sized = "not known, a digest only tells whether two contents are equal"
    return (
        Strong((f"{capitalised(word(finding.verdict))}:",)),
        f" {channel.title} (",
        Code(channel.name),
        ")",
        *named(channel, first.name),
        *other,
        f" and {count(more, 'other name')}" if more else "",
        f", first {location(first, comparison)}. ",
        f"Size there: {sized}. " if sized else "",
        sentence(extent(finding)),
    )


def _side(trace: Trace, measurement: Measurement, name: str, observed: Text) -> Side:
    return Side((Code(program(trace)),), observed, sites(trace, measurement, name))


def _site(measurement: Measurement, name: str, recorded: Iterable[str]) -> str:
    if measurement.channel.name not in _LOG_CHANNELS:
        return measurement.channel.site
    # The name of a printed number is its line's template and a position, so the longest template that fits is its line.
    fitting = [site for site in recorded if site.startswith(_LOG_SITE) and name.startswith(site[len(_LOG_SITE) :])]
    return max(fitting, key=len, default="")


def _excerpt(text: str) -> Excerpt | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if not isinstance(found, dict) or not found.get("file"):
        return None
    line = found.get("line")
    first = found.get("first_line")
    lines = textwrap.dedent(str(found.get("excerpt") or "").rstrip()).splitlines()
    return Excerpt(
        code="\n".join(lines[:_MOST_LINES]),
        file=str(found["file"]),
        line=line if isinstance(line, int) else 0,
        first=first if isinstance(first, int) else 0,
        function=str(found.get("function") or ""),
    )
