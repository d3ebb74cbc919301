"""How the runs were made: everything a reader needs to repeat them, and how they ended."""

import shlex
from collections.abc import Callable, Sequence
from typing import Final

from parity.diagnose.outcome import Outcome
from parity.report.document import Block, Code, Excerpt, Paragraph, Section, Table, Text
from parity.report.facts import texts, words_of
from parity.report.wording import count, quoted, sentence
from parity.trace.model import Trace

_VERSIONS: Final = ("python", "torch")
_MOST_TRACEBACK: Final = 40
_UNKNOWN: Final[Text] = ("not recorded",)
_CLEAN: Final = 0
_Row = tuple[Text, Text, Text]
"""An aspect, and what it was on both sides."""


def runs(outcomes: Sequence[Outcome]) -> Section:
    """What all runs share once, the rest by scenario: reference beside candidate, and the traceback of a failure."""
    heading: Text = ("How the runs were made",)
    if len(outcomes) == 1:
        return Section(heading, _scenario(outcomes[0], _rows(outcomes[0])))
    rows = {one.scenario: _rows(one) for one in outcomes}
    told = [one for one in rows.values() if one]
    shared = [row for row in told[0] if all(row in one for one in told)] if len(told) > 1 else []
    sections = tuple(
        Section(
            ("Scenario ", *quoted(one.scenario)),
            _scenario(one, [row for row in rows[one.scenario] if row not in shared]),
        )
        for one in outcomes
    )
    return Section(heading, (Paragraph(("In all scenarios:",)), _table(shared)) if shared else (), sections)


def _rows(outcome: Outcome) -> list[_Row]:
    if outcome.judgement is None:
        return []
    comparison = outcome.judgement.comparison
    sides = (comparison.reference, comparison.candidate)
    aspects = (*_ASPECTS, ("Recorded", _recorded)) if any(_is_reused(trace) for trace in sides) else _ASPECTS
    return [((title,), describe(sides[0]), describe(sides[1])) for title, describe in aspects]


def _table(rows: Sequence[_Row]) -> Table:
    return Table((("Aspect",), ("Reference",), ("Candidate",)), tuple(rows))


def _scenario(outcome: Outcome, rows: Sequence[_Row]) -> tuple[Block, ...]:
    if outcome.judgement is None:
        reason: Text = ("the scenario has no result.",)
        if outcome.error is not None:
            reason = (Code(outcome.error.slug), f": {sentence(str(outcome.error))}")
        return (Paragraph(("No pair of runs to describe: ", *reason)),)
    blocks: list[Block] = [_table(rows) if rows else Paragraph(("As in all scenarios.",))]
    comparison = outcome.judgement.comparison
    for side, trace in (("reference", comparison.reference), ("candidate", comparison.candidate)):
        lines = _traceback(trace)
        if lines:
            blocks.append(Paragraph((f"Traceback of the {side}:",)))
            blocks.append(Excerpt("\n".join(lines), language="text"))
    return tuple(blocks)


def _is_reused(trace: Trace) -> bool:
    return (trace.manifest.get("cache") or {}).get("state") == "reused"


def _recorded(trace: Trace) -> Text:
    reused = _is_reused(trace)
    return (f"earlier, and reused: {trace.manifest['cache']['reason']}" if reused else "for this comparison",)


def _traceback(trace: Trace) -> list[str]:
    """End of the traceback, as the manifest has it or else the lowest rank that ended with one."""
    noted = (note.get("traceback") for process in trace.processes for note in process.notes)
    found = trace.manifest.get("traceback") or next(filter(None, noted), "")
    return str(found).rstrip().splitlines()[-_MOST_TRACEBACK:]


def _command(trace: Trace) -> Text:
    return quoted(trace.command, 1000) if trace.command else _UNKNOWN


def _launched(trace: Trace) -> Text:
    """The words that were executed, where they are not those of the command."""
    argv = [str(one) for one in trace.manifest.get("argv") or ()]
    if not argv or argv == words_of(trace.command):
        return ("as in the command",)
    return quoted(shlex.join(argv), 1000)


def _plain(key: str, missing: str) -> Callable[[Trace], Text]:
    def describe(trace: Trace) -> Text:
        found = trace.manifest.get(key)
        return (missing,) if found is None else (Code(str(found)),)

    return describe


def _world(trace: Trace) -> Text:
    asked = trace.manifest.get("world")
    if isinstance(asked, int) and asked != trace.world:
        return (f"{count(asked, 'rank')}, {trace.world:,} of them recorded",)
    return (count(trace.world, "rank"),)


def _interventions(trace: Trace) -> Text:
    found = [str(one) for one in trace.manifest.get("interventions") or ()]
    return ("; ".join(found) if found else "none",)


def _version(key: str) -> Callable[[Trace], Text]:
    def describe(trace: Trace) -> Text:
        found = texts(trace, "environment").get(key)
        return _UNKNOWN if found is None else quoted(found)

    return describe


def _end(trace: Trace) -> Text:
    status = trace.exit_status
    if status is None:
        return ("exit status not known: the recorder did not see the end",)
    meaning = "success" if status == _CLEAN else f"ended by signal {-status}" if status < 0 else "failure"
    return f"{meaning}, exit status ", Code(str(status))


def _completeness(trace: Trace) -> Text:
    open_ended = [process.rank for process in trace.processes if process.sealed is None]
    lost = sum(process.lost_bytes for process in trace.processes)
    parts = []
    if open_ended:
        parts.append(f"cut short: {'rank' if len(open_ended) == 1 else 'ranks'} {', '.join(map(str, open_ended))}")
    if lost:
        parts.append(f"{count(lost, 'byte')} unreadable")
    return ("; ".join(parts) or "complete",)


_ASPECTS: Final[tuple[tuple[str, Callable[[Trace], Text]], ...]] = (
    ("Command", _command),
    ("Launched as", _launched),
    ("World size", _world),
    ("Seed", _plain("seed", "the program's own")),
    ("Recording level", _plain("level", "not recorded")),
    ("Limit of updates", _plain("updates_limit", "none, the program ran to its own end")),
    ("Interventions", _interventions),
    *((f"{name.capitalize()} version", _version(name)) for name in _VERSIONS),
    ("End", _end),
    ("Trace", _completeness),
)
