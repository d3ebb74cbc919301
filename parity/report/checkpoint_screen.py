"""Two checkpoints on one screen: the verdict, what became of each part, why, and where."""

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from parity.checkpoint.model import spelled
from parity.compare.checkpoint_model import CheckpointComparison
from parity.diagnose.checkpoints.case import CheckpointCause
from parity.findings.checkpoints import checkpoint_verdict
from parity.findings.model import Verdict
from parity.report.checkpoint_rows import Row, rows, tallies
from parity.report.wording import capitalised, count, sentence, shorten, visible, word

if TYPE_CHECKING:
    from rich.console import Console

_MOST_ROWS: Final = 40
_MOST_LOST: Final = 12
_LABEL: Final = 14
_WIDEST_KEY: Final = 0.45
_STYLES: Final = {Verdict.IDENTICAL: "bold green", Verdict.NOT_COMPARED: "bold yellow"}
_COLUMNS: Final = ("identical", "different", "renamed", "missing", "extra")


def print_checkpoints(
    comparison: CheckpointComparison, causes: tuple[CheckpointCause, ...], console: "Console"
) -> None:
    """Print what was measured, and what explains it, in the width of ``console``."""
    from rich.text import Text

    verdict = checkpoint_verdict(comparison)
    names = f" {visible(comparison.reference.source)} / {visible(comparison.candidate.source)}"
    head = Text.assemble((f"{capitalised(word(verdict))}:", _STYLES.get(verdict, "bold red")), names)
    console.print(head, soft_wrap=True)
    lines = [*_compared(comparison), *_counts(comparison), *_causes(comparison, causes)]
    lines += [*_rows(comparison, console.width), *_lost(comparison)]
    for indent, text in lines:
        for line in _wrapped(visible(text), console.width, indent):
            console.print(Text(line, style="bold" if line and not indent else ""), soft_wrap=True)


_Line = tuple[int, str]
"""A text, and how far its continuation is indented; 0 makes a title of it."""


def _wrapped(text: str, width: int, indent: int) -> list[str]:
    if len(text) <= width:
        return [text]
    return textwrap.wrap(text, width, subsequent_indent=" " * indent, break_on_hyphens=False) or [""]


def _compared(comparison: CheckpointComparison) -> Iterator[_Line]:
    units = count(len(comparison.units), "file")

    def line(label: str, content: str) -> _Line:
        return _LABEL + 2, f"  {label.ljust(_LABEL)}{content}"

    yield line("compared", f"{count(comparison.compared, 'key')} in {units}")
    yield line("size on disk", f"{comparison.reference.nbytes:,} / {comparison.candidate.nbytes:,} bytes")
    for unit in comparison.units:
        if unit.reference.format != unit.candidate.format:
            yield line("format", f"{unit.reference.name}: {unit.reference.format} / {unit.candidate.format}")
        for ours, theirs in unit.optimizers:
            methods = " / ".join(dict.fromkeys((ours.method, theirs.method)))
            yield line("optimizer", f"{spelled(ours.path)}: state compared by parameter, known by {methods}")
    if comparison.not_compared:
        yield line("not compared", count(len(comparison.not_compared), "item"))


def _counts(comparison: CheckpointComparison) -> Iterator[_Line]:
    """A table of sections, where anything differs."""
    if not comparison.differences:
        return
    yield 0, ""
    yield 0, "  ".join(["section".ljust(10), *(name.rjust(9) for name in _COLUMNS)])
    for tally in tallies(comparison):
        numbers = (getattr(tally, name) for name in _COLUMNS)
        cells = (f"{number:,}" if number else "-" for number in numbers)
        yield 4, "  ".join([tally.section.value.ljust(10), *(cell.rjust(9) for cell in cells)])


def _causes(comparison: CheckpointComparison, causes: tuple[CheckpointCause, ...]) -> Iterator[_Line]:
    if not comparison.differences:
        return
    yield 0, ""
    if not causes:
        yield 0, "Probable cause: unknown"
        return
    yield 0, "Probable causes" if len(causes) > 1 else "Probable cause"
    differing = {(one.unit, one.key) for one in comparison.differences}
    for number, cause in enumerate(causes, start=1):
        part = len({(cause.unit, key) for key in cause.explains} & differing)
        yield (
            5,
            f"  {number}. {sentence(capitalised(cause.title))} Explains {part:,} of {count(len(differing), 'key')}.",
        )
        for text in (*cause.evidence, cause.consequence, cause.advice):
            yield 7, f"     {sentence(text)}"
    others = len(differing - {(cause.unit, key) for cause in causes for key in cause.explains})
    if others:
        yield 2, f"  {count(others, 'key')} differ{'s' * (others == 1)} without a known cause"


def _rows(comparison: CheckpointComparison, width: int) -> Iterator[_Line]:
    found = rows(comparison.differences, {unit.reference.name: unit for unit in comparison.units})
    column = min(max((len(_title(row)) for row in found), default=0), int(width * _WIDEST_KEY))
    section = None
    for row in found[:_MOST_ROWS]:
        if row.section is not section:
            yield 0, ""
            yield 0, row.section.value
            section = row.section
        yield from _row(row, column)
    left = sum(row.keys for row in found[_MOST_ROWS:])
    if left:
        yield 2, f"... and {count(left, 'further difference')}; all of them: --json"


def _title(row: Row) -> str:
    return visible(shorten(row.key)) + (f" ({row.keys:,} keys)" if row.keys > 1 else "")


def _row(row: Row, column: int) -> Iterator[_Line]:
    title, content = _title(row), f"{row.aspect.value}: {shorten(row.sides)}"
    if len(title) > column:
        yield 4, f"  {title}"
        yield 8, f"      {content}"
    else:
        yield column + 4, f"  {title.ljust(column)}  {content}"
    if row.size:
        yield 8, f"      {row.size}"


def _lost(comparison: CheckpointComparison) -> Iterator[_Line]:
    lost = comparison.not_compared
    if lost:
        yield 0, ""
        yield 0, "not compared"
    for one in lost[:_MOST_LOST]:
        yield 6, f"  {one.unit}: {spelled(one.key)} ({one.side}): {one.slug}: {shorten(one.reason)}"
    if len(lost) > _MOST_LOST:
        yield 2, f"... and {count(len(lost) - _MOST_LOST, 'further item')}; all of them: --json"
