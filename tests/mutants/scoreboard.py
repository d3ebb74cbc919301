"""Runs every mutant and benign variant and says how many were detected, located, named, and falsely alarmed.

``python -m tests.mutants.scoreboard`` prints the table and writes it to reports/scoreboard.md; ``--family NAME`` runs
and prints the rows of one family only, and writes nothing. Beside the instrument stand two gates that teams use today:
the printed training loss within 5 %, and the printed training loss exactly.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from parity.diagnose.outcome import Outcome
from parity.record.warm.launcher import WarmLauncher
from parity.trace.model import Trace
from tests.mutants.catalogue import BENIGN, MUTANTS, Benign, Mutant
from tests.mutants.ranks_benign import BENIGN_RANKS
from tests.mutants.ranks_catalogue import RANKS
from tests.mutants.resumption import BENIGN_RESUMPTION, RESUMPTION
from tests.mutants.specimens import ROOT, Workshop

LOSSES = ("iter {}: loss {}, lr {}, time {}ms, mfu {}%, VRAM {}/{}GB ({}%)#1", "step {}: loss {}#1")


@dataclass(frozen=True, kw_only=True)
class Score:
    """How one row of the catalogue fared."""

    id: str
    family: str
    is_mutant: bool
    detected: bool
    located: bool
    named: bool
    loose_loss: bool
    exact_loss: bool


def score(row: Mutant | Benign, outcome: Outcome) -> Score:
    """Judge one outcome against what the catalogue expects."""
    judgement, diagnosis = outcome.judgement, outcome.diagnosis
    assert judgement is not None
    assert diagnosis is not None
    first = judgement.first_divergence
    sides = judgement.comparison.reference, judgement.comparison.candidate
    is_mutant = isinstance(row, Mutant)
    return Score(
        id=row.id,
        family=row.family,
        is_mutant=is_mutant,
        detected=outcome.exit_code != 0,
        located=is_mutant and first is not None and where(first) == (row.update, row.phase, row.channel),
        named=is_mutant and bool(diagnosis.causes) and diagnosis.causes[0].id == row.cause,
        loose_loss=loss_gate(*sides, tolerance=0.05),
        exact_loss=loss_gate(*sides, tolerance=0.0),
    )


def where(finding) -> tuple[object, ...]:
    """Update, phase and channel of a finding."""
    return finding.update, finding.phase, finding.channel.name


def loss_gate(reference: Trace, candidate: Trace, *, tolerance: float) -> bool:
    """Whether a gate on the printed loss alone would fail: another number of lines, or a relative difference."""
    ours, theirs = (_printed_loss(trace) for trace in (reference, candidate))
    return len(ours) != len(theirs) or bool(np.any(np.abs(theirs - ours) > tolerance * np.abs(ours)))


def _printed_loss(trace: Trace):
    series = [process.get("log_value", line) for process in trace.processes[:1] for line in LOSSES]
    return next((one.values for one in series if one is not None), np.empty(0))


def table(scores: list[Score]) -> str:
    """The scoreboard in Markdown."""
    mutants = [one for one in scores if one.is_mutant]
    benign = [one for one in scores if not one.is_mutant]

    def row(title: str, rows: list[Score], *columns: str) -> str:
        counts = [f"{sum(getattr(one, column) for one in rows)} of {len(rows)}" for column in columns]
        return "| " + " | ".join([title, *counts, *["none"] * (3 - len(counts))]) + " |"

    lines = [
        "# Scoreboard",
        "",
        "| | this instrument | loss within 5 % | loss exactly |",
        "| :--- | :--- | :--- | :--- |",
        row("mutants detected", mutants, "detected", "loose_loss", "exact_loss"),
        row("first divergence located", mutants, "located"),
        row("cause named", mutants, "named"),
        row("false alarms on benign variants", benign, "detected", "loose_loss", "exact_loss"),
        "",
        "| mutant | family | detected | located | named | loss within 5 % sees it | loss exactly sees it |",
        "| :--- | :--- | :--- | :--- | :--- | :--- | :--- |",
    ]
    for one in mutants:
        answers = (one.detected, one.located, one.named, one.loose_loss, one.exact_loss)
        cells = (one.id, one.family, *("yes" if answer else "no" for answer in answers))
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| benign variant | family | alarm |", "| :--- | :--- | :--- |"]
    lines += [f"| {one.id} | {one.family} | {'yes' if one.detected else 'no'} |" for one in benign]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run the catalogue; 0 when every mutant is detected, located and named and no variant alarms."""
    rows = (*MUTANTS, *RESUMPTION, *RANKS, *BENIGN, *BENIGN_RESUMPTION, *BENIGN_RANKS)
    parser = argparse.ArgumentParser()
    parser.add_argument("--family", choices=sorted({row.family for row in rows}))
    family = parser.parse_args().family
    rows = tuple(row for row in rows if family in (None, row.family))
    scores = []
    with tempfile.TemporaryDirectory() as directory, WarmLauncher() as launcher:
        workshop = Workshop(directory=Path(directory), launcher=launcher)
        for number, row in enumerate(rows, start=1):
            sys.stderr.write(f"[{number}/{len(rows)}] {row.id}\n")
            scores.append(score(row, workshop.outcome(row)))
    text = table(scores)
    if family is None:
        (ROOT / "reports" / "scoreboard.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return int(not all((one.detected and one.located and one.named) == one.is_mutant for one in scores))


if __name__ == "__main__":
    sys.exit(main())
