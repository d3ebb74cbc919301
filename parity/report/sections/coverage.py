"""What the verdict rests on: how much of every channel was compared, and what was not, with the reason."""

from collections.abc import Sequence
from typing import Final

from parity.diagnose.outcome import Outcome
from parity.findings.model import Judgement, Verdict
from parity.report.document import Block, Code, Inline, Paragraph, Section, Strong, Table, Text
from parity.report.facts import causal, compared_channels, overall, totals
from parity.report.wording import count, listed, shorten, squeezed, word
from parity.trace.channels import CHANNELS

_MOST_NAMES: Final = 3
_MOST_SCENARIOS: Final = 8
_MOST_REASON: Final = 300
_LISTED: Final = ", does not count against parity"
_WAIVED: Final = ", accepted"
_PARTLY: Final = "identical where compared, partly not compared"
_UNSEEN: Final = "not observed"
_HEADER: Final[tuple[Text, ...]] = (
    ("Channel",),
    ("What it holds",),
    ("Series",),
    ("Values",),
    ("Equal",),
    ("Verdict",),
)
_Judged = Sequence[tuple[str, Judgement]]


def coverage(outcomes: Sequence[Outcome]) -> Section:
    """Coverage of each channel over all scenarios, then everything that was not compared."""
    judged = [(outcome.scenario, outcome.judgement) for outcome in outcomes if outcome.judgement is not None]
    rows = tuple(_row(name, judged) for name in _channels(judged))
    blocks: tuple[Block, ...] = (Paragraph(("Nothing was compared.",)),)
    if rows:
        parts = [totals(outcome) for outcome in outcomes]
        values, equal, series = (sum(getattr(one, name) for one in parts) for name in ("values", "equal", "series"))
        lead = (
            f"{count(values, 'value')} in {count(series, 'series', 'series')}, {equal:,} of them equal bit for bit. "
            "Channels stand in causal order; a series is the values of one name on one rank."
        )
        blocks = (Paragraph((lead,)), Table(_HEADER, rows))
    return Section(("What was compared",), blocks, (_omitted(outcomes),))


def _channels(judged: _Judged) -> list[str]:
    """Channels that were compared or differ; the others stand under what was not compared."""
    found = (compared_channels(judgement) for _, judgement in judged)
    return sorted(set().union(*found), key=lambda name: (causal(name), name))


def _row(name: str, judged: _Judged) -> tuple[Text, ...]:
    parts = [one for _, judgement in judged if (one := judgement.comparison.coverage.get(name)) is not None]
    title = CHANNELS[name].title if name in CHANNELS else "unknown to this version"
    series, values, equal = (sum(getattr(one, part) for one in parts) for part in ("series", "values", "equal"))
    return (Code(name),), (title,), (f"{series:,}",), (f"{values:,}",), (f"{equal:,}",), _verdicts(name, judged)


def _verdicts(name: str, judged: _Judged) -> Text:
    """The verdict on one channel, with the scenarios where they do not agree, the gravest first."""
    words: dict[str, list[str]] = {}
    gating: set[str] = set()
    for scenario, judgement in judged:
        shown, gates = _verdict(name, judgement)
        words.setdefault(shown, []).append(scenario)
        gating |= {shown} if gates else set()
    parts: list[Inline] = []
    for shown in sorted(words, key=lambda one: one not in gating):
        where: Text = (" in ", *listed(words[shown], _MOST_SCENARIOS)) if len(words) > 1 else ()
        parts += ["; " if parts else "", Strong((shown,)) if shown in gating else shown, *where]
    return tuple(parts)


def _verdict(name: str, judgement: Judgement) -> tuple[str, bool]:
    """Word for a channel in one scenario, and whether it makes the comparison fail."""
    findings = [finding for finding in judgement.findings if finding.channel.name == name]
    skipped = any(one.channel == name for one in judgement.not_compared)
    covered = judgement.comparison.coverage.get(name)
    if findings:
        gates = any(finding.gates for finding in findings)
        gravest = overall(finding.verdict for finding in findings if finding.gates or not gates)
        accepted = any(finding.waiver for finding in findings)
        return word(gravest) + ("" if gates else _WAIVED if accepted else _LISTED), gates
    if covered is None or not covered.equal:
        return word(Verdict.NOT_COMPARED) if skipped else _UNSEEN, False
    return _PARTLY if skipped or covered.equal < covered.values else word(Verdict.IDENTICAL), False


def _omitted(outcomes: Sequence[Outcome]) -> Section:
    """One row per reason; channels that share names, scenarios and reason share a row."""
    rows: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for (channel, reason, names), scenarios in _omissions(outcomes).items():
        rows.setdefault((reason, names, tuple(scenarios)), []).append(channel)
    heading: Text = ("What was not compared",)
    if not rows:
        return Section(heading, (Paragraph(("Nothing that was observed was left out.",)),))
    header: tuple[Text, ...] = (("Scenario",), ("Channel",), ("Names",), ("Not compared because",))
    table = Table(
        header,
        tuple(
            (
                listed(scenarios, _MOST_SCENARIOS),
                listed(channels, len(CHANNELS)) if any(channels) else ("all",),
                listed(names, _MOST_NAMES) if any(names) else ("all",),
                (shorten(squeezed(reason), _MOST_REASON),),
            )
            for (reason, names, scenarios), channels in rows.items()
        ),
    )
    return Section(heading, (table,))


def _omissions(outcomes: Sequence[Outcome]) -> dict[tuple[str, str, tuple[str, ...]], list[str]]:
    """Scenarios in which the same names of a channel were left out for the same reason."""
    found: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for outcome in outcomes:
        names: dict[tuple[str, str], list[str]] = {}
        if outcome.judgement is None:
            error = outcome.error
            names["", f"{error.slug}: {error}" if error is not None else "the scenario has no result"] = [""]
        else:
            for one in outcome.judgement.not_compared:
                names.setdefault((one.channel, one.reason), []).append(one.name)
        for (channel, reason), left_out in names.items():
            found.setdefault((channel, reason, tuple(left_out)), []).append(outcome.scenario)
    return found
