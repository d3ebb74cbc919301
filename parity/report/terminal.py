"""One outcome on one screen: the verdict first, then where, why, and what to do next."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from parity.diagnose import closeup
from parity.diagnose.outcome import Outcome
from parity.diagnose.registry import Cause
from parity.findings.following import Followed, word_of
from parity.findings.model import Finding, Judgement, Verdict
from parity.report import resumption
from parity.report.document import plain
from parity.report.evidence import location, unproven
from parity.report.facts import totals, verdict
from parity.report.sections.accepted import accepted_causes
from parity.report.sections.follow import standing, written
from parity.report.sections.noise import in_one_line
from parity.report.wording import (
    capitalised,
    count,
    named,
    sentence,
    share,
    shorten,
    size,
    values,
    visible,
    word,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_MOST_CAUSES: Final = 3
_MOST_INDEPENDENT: Final = 12
_LABEL: Final = 18
_CLOSEUP: Final = 240
_STYLES: Final = {
    Verdict.IDENTICAL: "bold green",
    Verdict.EQUIVALENT: "bold green",
    Verdict.WAIVED: "bold green",
    Verdict.NOT_COMPARED: "bold yellow",
}
_Line = tuple[str, str]


def print_outcome(
    outcome: Outcome,
    console: "Console",
    *,
    report: Path | str | None = None,
    next_command: str = "",
    quiet: bool = False,
) -> None:
    """Print ``outcome``: ``report`` is the path of the full report, ``next_command`` the command to run next.

    A terminal breaks long lines under their label; what is written elsewhere keeps them whole. ``quiet`` leaves the
    verdict alone.
    """
    from rich.text import Text

    shown = verdict(outcome)
    head = Text.assemble(
        (f"{capitalised(word(shown))}:", _STYLES.get(shown, "bold red")),
        f" {visible(outcome.pair)} / {visible(outcome.scenario)}",
    )
    console.print(head, soft_wrap=True, highlight=False)
    if quiet:
        return
    lines = [*_lines(outcome), ("report", str(report or "")), ("next", next_command)]
    shown_lines = [(label, visible(content)) for label, content in lines if content]
    if console.is_terminal:
        console.print(_grid(shown_lines), highlight=False)
        return
    for label, content in shown_lines:
        console.print(Text(f"  {label.ljust(_LABEL)}{content}"), soft_wrap=True, highlight=False)


def _grid(lines: list[_Line]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 0))
    grid.add_column(width=_LABEL + 2, no_wrap=True)
    grid.add_column(overflow="fold")
    for label, content in lines:
        grid.add_row(Text(f"  {label}", style="dim"), Text(content))
    return grid


def in_words(outcome: Outcome, report: Path | None = None) -> str:
    """The same lines as plain text, for the message of a failed assertion."""
    head = f"{capitalised(word(verdict(outcome)))}: {visible(outcome.pair)} / {visible(outcome.scenario)}"
    lines = [(label, content) for label, content in (*_lines(outcome), ("report", str(report or ""))) if content]
    return "\n".join([head, *(f"  {label.ljust(_LABEL)}{visible(content)}" for label, content in lines)])


def headline(outcome: Outcome) -> str:
    """The verdict with the first divergence and its cause, what was accepted, or how much was compared, in one line."""
    parts = [f"{capitalised(word(verdict(outcome)))}: {visible(outcome.pair)} / {visible(outcome.scenario)}"]
    wanted = ("error", "first divergence", "probable cause", "betrayed", "accepted")
    found: dict[str, str] = {}
    for label, content in _lines(outcome):
        found.setdefault(label, content)
    parts += [f"{label}: {visible(found[label]).rstrip('.')}" for label in wanted if found.get(label)]
    return "; ".join(parts if len(parts) > 1 else [*parts, found.get("compared", "")])


def _lines(outcome: Outcome) -> Iterator[_Line]:
    judgement = outcome.judgement
    if judgement is None:
        error = outcome.error
        first, *further = str(error).splitlines() if error is not None else ("",)
        yield "error", f"{error.slug}: {first}" if error is not None else "the scenario has no result"
        yield from (("", line) for line in further)
        return
    total = totals(outcome)
    equal = "all" if total.equal == total.values else f"{total.equal:,}"
    series = count(total.series, "series", "series")
    yield "compared", f"{count(total.updates, 'update')}, {count(total.values, 'value')} in {series}, {equal} equal"
    finding = judgement.first_divergence
    if finding is not None:
        yield from _divergence(finding, judgement)
        yield from _causes(outcome)
        yield from _zoom(outcome)
    if judgement.noise is not None:
        yield "noise", in_one_line(judgement.noise)
    accepted = list(dict.fromkeys(one.tolerance for one in judgement.equivalent if one.tolerance))
    yield "by tolerance", "; ".join(accepted)
    if outcome.followed is not None:
        yield from _followed(outcome.followed)
    yield from resumption.lines(outcome)
    for betrayal in outcome.invariants.betrayals if outcome.invariants is not None else ():
        if betrayal.gates:
            yield "betrayed", f"{sentence(betrayal.candidate.invariant.broken)} {betrayal.candidate.evidence[0]}"
    yield from _ruling(outcome)
    yield "not reproducible" if judgement.irreproducible else "not comparable", plain(unproven(judgement))
    yield from _remainder(judgement)


def _ruling(outcome: Outcome) -> Iterator[_Line]:
    ruling = outcome.ruling
    if ruling is None:
        return
    for cause in accepted_causes(outcome):
        yield "accepted cause", sentence(cause.title)
    for why, number in Counter(charge.lifted for charge in ruling.lifted).items():
        yield "accepted", f"{count(number, 'finding')}: {why}"
    for charge in ruling.beside:
        yield "counts", f"{charge.signature.title}: {charge.signature.candidate}"


def _divergence(finding: Finding, judgement: Judgement) -> Iterator[_Line]:
    first = finding.first
    reference, candidate = values(first)
    where = location(first, judgement.comparison)
    name = plain(named(finding.channel, first.name))
    title = f"{finding.channel.title} ({finding.channel.name}){name}"
    yield "first divergence", f"{where}, phase {finding.phase.name.lower()}: {word(finding.verdict)}, {title}"
    yield "  reference", plain(reference)
    yield "  candidate", plain(candidate)
    yield "  size", size(first)


def _causes(outcome: Outcome) -> Iterator[_Line]:
    diagnosis = outcome.diagnosis
    if diagnosis is None or not diagnosis.causes:
        yield "probable cause", "unknown: no known cause predicts what was measured"
        return
    followed = outcome.followed is not None and not outcome.followed.refusal
    independent = followed and len(diagnosis.causes) > 1
    if independent:
        yield "independent", f"{count(len(diagnosis.causes), 'cause')}, none of which follows from another"
    most = _MOST_INDEPENDENT if independent else _MOST_CAUSES
    for cause in diagnosis.causes[:most]:
        where = f", first in phase {_phase(cause, outcome)}" if independent else ""
        yield "probable cause", f"{sentence(cause.title)} Explains {share(cause, diagnosis)}{where}"
        if not independent:
            yield "  consequence", sentence(cause.consequence)
    more = len(diagnosis.causes) - most
    if more > 0:
        yield "", f"... and {count(more, 'further cause')}"
    if followed and diagnosis.unexplained:
        yield "cause unknown", f"of {count(len(diagnosis.unexplained), 'finding')} that no cause above explains"


def _phase(cause: Cause, outcome: Outcome) -> str:
    """The first phase of an update that the cause explains a finding in."""
    judgement = outcome.judgement
    explained = [one.phase for one in judgement.gating if one.id in cause.explains] if judgement is not None else []
    return min(explained).name.lower() if explained else "unknown"


def _zoom(outcome: Outcome) -> Iterator[_Line]:
    """Two lines of each: the place, and the operation there, or why there is none."""
    for zoom in outcome.closeups:
        for label, content in zip(("close-up", ""), (*closeup.lines(zoom), *zoom.remarks), strict=False):
            yield label, shorten(content, _CLOSEUP)


def _followed(followed: Followed) -> Iterator[_Line]:
    if followed.refusal:
        yield "not followed", followed.refusal
        return
    yield "followed", written(followed)
    for phase in followed.phases:
        if word_of(phase) not in (None, Verdict.IDENTICAL):
            yield f"  {phase.name}", plain(standing(phase))
    yield "  identical", ", ".join(phase.name for phase in followed.phases if word_of(phase) is Verdict.IDENTICAL)


def _remainder(judgement: Judgement) -> Iterator[_Line]:
    gating = len(judgement.gating)
    equivalent = len(judgement.equivalent)
    waived = sum(bool(finding.waiver) for finding in judgement.findings)
    others = len(judgement.findings) - gating - equivalent - waived
    if gating > 1:
        yield "further findings", f"{gating - 1:,} that count against parity"
    if equivalent:
        yield "equivalent", f"{count(equivalent, 'finding')} within the noise or a tolerance"
    if others:
        yield "other differences", f"{others:,} that do not count against parity"
    if judgement.not_compared:
        yield "not compared", count(len(judgement.not_compared), "item")
