"""Two checkpoints on one screen, and as JSON."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from parity.checkpoint.model import spelled
from parity.compare.checkpoint_model import (
    CheckpointComparison,
    CheckpointDifference,
    KeyNotCompared,
    UnitComparison,
)
from parity.compare.tensors import Statistics
from parity.diagnose.checkpoints.case import CheckpointCause
from parity.diagnose.registry import documented
from parity.findings.checkpoints import checkpoint_exit_code, checkpoint_verdict
from parity.findings.model import Verdict
from parity.report.wording import capitalised, count, shorten, visible, word

if TYPE_CHECKING:
    from rich.console import Console

CHECKPOINT_SCHEMA: Final = 1
_MOST_ROWS: Final = 40
_MOST_LOST: Final = 12
_STYLES: Final = {Verdict.IDENTICAL: "bold green", Verdict.NOT_COMPARED: "bold yellow"}


def checkpoint_json(comparison: CheckpointComparison, causes: tuple[CheckpointCause, ...]) -> dict[str, object]:
    """Everything that was measured."""
    return {
        "schema": CHECKPOINT_SCHEMA,
        "verdict": checkpoint_verdict(comparison).value,
        "exit_code": checkpoint_exit_code(comparison),
        "reference": _side(comparison, "reference"),
        "candidate": _side(comparison, "candidate"),
        "compared": comparison.compared,
        "units": [_unit(unit) for unit in comparison.units],
        "causes": [_cause(cause) for cause in causes],
        "differences": [_difference(one) for one in comparison.differences],
        "not_compared": [_lost(one) for one in comparison.not_compared],
    }


def _side(comparison: CheckpointComparison, side: str) -> dict[str, object]:
    checkpoint = comparison.reference if side == "reference" else comparison.candidate
    files = {name: size for unit in checkpoint.units for name, size in unit.files.items()}
    return {"source": checkpoint.source, "bytes": checkpoint.nbytes, "files": files}


def _unit(unit: UnitComparison) -> dict[str, object]:
    return {
        "reference": unit.reference.name,
        "candidate": unit.candidate.name,
        "format": {"reference": unit.reference.format, "candidate": unit.candidate.format},
        "bytes": {"reference": unit.reference.nbytes, "candidate": unit.candidate.nbytes},
        "pairs": len(unit.pairs),
        "prefixes": list(unit.prefixes),
        "optimizers": [
            {"key": spelled(ours.path), "reference": ours.method, "candidate": theirs.method}
            for ours, theirs in unit.optimizers
        ],
    }


def _cause(cause: CheckpointCause) -> dict[str, object]:
    return {
        "id": cause.id,
        "title": cause.title,
        "unit": cause.unit,
        "explains": [spelled(key) for key in cause.explains],
        "evidence": list(cause.evidence),
        "docs": documented(cause.id),
    }


def _difference(one: CheckpointDifference) -> dict[str, object]:
    return {
        "unit": one.unit,
        "section": one.section.value,
        "aspect": one.aspect.value,
        "key": spelled(one.key),
        "path": list(one.key),
        "candidate_key": spelled(one.candidate_key),
        "reference": one.reference,
        "candidate": one.candidate,
        "note": one.note,
        "statistics": _statistics(one.statistics) if one.statistics is not None else None,
    }


def _statistics(found: Statistics) -> dict[str, object]:
    return {
        "differing": found.differing,
        "compared": found.compared,
        "first": list(found.first),
        "absolute": found.absolute,
        "relative": found.relative,
        "ulp": found.ulp,
        "cosine": found.cosine,
        "rms": list(found.rms) if found.rms is not None else None,
        "not_finite": list(found.not_finite),
    }


def _lost(one: KeyNotCompared) -> dict[str, object]:
    return {"unit": one.unit, "side": one.side, "key": spelled(one.key), "slug": one.slug, "reason": one.reason}


def print_checkpoints(
    comparison: CheckpointComparison, causes: tuple[CheckpointCause, ...], console: "Console"
) -> None:
    """The verdict first, then what was compared, why it differs, and where."""
    from rich.text import Text

    verdict = checkpoint_verdict(comparison)
    names = f" {visible(comparison.reference.source)} / {visible(comparison.candidate.source)}"
    console.print(Text.assemble((f"{capitalised(word(verdict))}:", _STYLES.get(verdict, "bold red")), names))
    for label, content in _lines(comparison, causes):
        console.print(Text.assemble("  ", (label.ljust(16), "dim"), visible(content)))
    if comparison.differences:
        _print_table(comparison.differences, console)
    for one in comparison.not_compared[:_MOST_LOST]:
        where = f"{one.unit}: {spelled(one.key)} ({one.side})"
        console.print(Text(visible(f"  not compared    {where}: {one.slug}: {shorten(one.reason)}")))


def _lines(comparison: CheckpointComparison, causes: tuple[CheckpointCause, ...]) -> Iterator[tuple[str, str]]:
    units = count(len(comparison.units), "file", "files")
    yield "compared", f"{count(comparison.compared, 'key')} in {units}"
    yield "size on disk", f"{comparison.reference.nbytes:,} / {comparison.candidate.nbytes:,} bytes"
    for unit in comparison.units:
        if unit.reference.format != unit.candidate.format:
            yield "format", f"{unit.reference.name}: {unit.reference.format} / {unit.candidate.format}"
        for ours, theirs in unit.optimizers:
            yield "optimizer", f"{spelled(ours.path)}: parameters known by {ours.method} / {theirs.method}"
    for cause in causes:
        yield "probable cause", f"{cause.title}. {'; '.join(cause.evidence)}"
    if comparison.not_compared:
        yield "not compared", count(len(comparison.not_compared), "item")


def _print_table(differences: tuple[CheckpointDifference, ...], console: "Console") -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    for title in ("section", "key", "difference", "reference", "candidate", "size"):
        table.add_column(title, overflow="fold")
    for one in differences[:_MOST_ROWS]:
        sides = [side if side is not None else "nothing" for side in (one.reference, one.candidate)]
        cells = (one.section.value, _key(one), one.aspect.value, *sides, _size(one))
        table.add_row(*(Text(visible(shorten(cell))) for cell in cells))
    console.print(table)
    more = len(differences) - _MOST_ROWS
    if more > 0:
        console.print(Text(f"... and {count(more, 'further difference')}; all of them: --json"))


def _key(one: CheckpointDifference) -> str:
    return spelled(one.key) if one.key or one.section.value != "files" else one.unit


def _size(one: CheckpointDifference) -> str:
    found = one.statistics
    if found is None:
        return one.note
    parts = [f"{found.differing:,} of {found.compared:,}, first at {list(found.first)}"]
    named = (("absolute", found.absolute), ("relative", found.relative), ("cosine", found.cosine))
    parts += [f"{name} {value:.6g}" for name, value in named if value is not None]
    parts += [f"{found.ulp:,} ULP"] if found.ulp is not None else []
    if any(found.not_finite):
        parts.append(f"not finite {found.not_finite[0]:,} / {found.not_finite[1]:,}")
    return ", ".join(parts)
