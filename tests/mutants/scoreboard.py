"""Runs every mutant and benign variant and says how many were detected, located, named, and falsely alarmed.

``python -m tests.mutants.scoreboard`` prints the table and writes it to reports/scoreboard.md and .json; with words,
only the rows whose id or family contains one of them are run, and nothing is written, or, with ``--renew``, these rows
of the table alone. Beside the instrument stand gates that teams use today: the printed training loss within 5 %, the
same exactly, and the weights at the end.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from parity.align.names import align_names
from parity.diagnose.outcome import Outcome
from parity.record.warm.launcher import WarmLauncher
from parity.trace.model import Trace
from parity.trace.printed import number
from tests.mutants.catalogue import BENIGN, MUTANTS
from tests.mutants.hearing import hear
from tests.mutants.planting import ROOT
from tests.mutants.rows import Benign, Mutant
from tests.mutants.specimens import Workshop

CATALOGUE: Final = (*MUTANTS, *BENIGN)
PLACE: Final = ROOT / "reports"
RENEW: Final = "--renew"
GATES: Final = {"loose_loss": "loss within 5 %", "exact_loss": "loss exactly", "final_weights": "final weights"}


@dataclass(frozen=True, kw_only=True)
class Score:
    """How one row of the catalogue fared. ``seconds`` include the runs that were made for it alone."""

    id: str
    family: str
    is_mutant: bool
    detected: bool
    located: bool
    named: bool
    loose_loss: bool
    exact_loss: bool
    final_weights: bool
    seconds: float

    @property
    def is_right(self) -> bool:
        """Whether a mutant was detected, located and named, or a benign variant raised no alarm."""
        return self.detected and self.located and self.named if self.is_mutant else not self.detected


def score(row: Mutant | Benign, outcome: Outcome, seconds: float) -> Score:
    """Judge one outcome against what the catalogue expects."""
    judgement, heard = outcome.judgement, hear(outcome)
    assert judgement is not None
    sides = judgement.comparison.reference, judgement.comparison.candidate
    is_mutant = isinstance(row, Mutant)
    return Score(
        id=row.id,
        family=row.family,
        is_mutant=is_mutant,
        detected=outcome.exit_code != 0,
        located=is_mutant and heard.place == (row.update, row.phase, row.channel),
        named=is_mutant and heard.cause == row.cause,
        loose_loss=loss_gate(*sides, tolerance=0.05),
        exact_loss=loss_gate(*sides, tolerance=0.0),
        final_weights=weights_gate(*sides),
        seconds=seconds,
    )


def loss_gate(reference: Trace, candidate: Trace, *, tolerance: float) -> bool:
    """Whether a gate on the printed loss alone would fail: another number of lines, or a relative difference."""
    name = _printed_loss(reference)
    if name is None:
        return False
    ours, theirs = (_values(trace, name) for trace in (reference, candidate))
    if len(ours) != len(theirs):
        return True
    with np.errstate(invalid="ignore"):  # infinite losses are equal where they are equal
        beyond = ~(np.abs(theirs - ours) <= tolerance * np.abs(ours)) & (theirs != ours)
    return bool(beyond.any())


def _printed_loss(trace: Trace) -> str | None:
    """The number that is called a loss and printed most often."""
    series = [one for process in trace.processes[:1] for one in process.channel("log_value")]
    found = [
        (len(one), one.name) for one in series if (shown := number(one.name)) is not None and "loss" in shown.label
    ]
    return max(found, default=(0, None))[1]


def _values(trace: Trace, name: str):
    series = trace.processes[0].get("log_value", name) if trace.processes else None
    return series.values if series is not None else np.empty(0)


def weights_gate(reference: Trace, candidate: Trace) -> bool:
    """Whether a gate on the weights of rank 0 at the end would fail, with names aligned for its benefit."""
    if not reference.processes or not candidate.processes:
        return True
    ours, theirs = reference.processes[0], candidate.processes[0]
    names = align_names(ours, theirs)
    counterparts = [
        (one, theirs.get("parameter", names.candidate_name("parameter", one.name))) for one in ours.channel("parameter")
    ]
    return any(other is None or one.values[-1] != other.values[-1] for one, other in counterparts)


def table(scores: Sequence[Score]) -> str:
    """The scoreboard in Markdown; times are not part of it."""
    mutants = [one for one in scores if one.is_mutant]
    benign = [one for one in scores if not one.is_mutant]

    def row(title: str, rows: Sequence[Score], *columns: str) -> str:
        counts = [f"{sum(getattr(one, column) for one in rows)} of {len(rows)}" for column in columns]
        return "| " + " | ".join([title, *counts, *["none"] * (1 + len(GATES) - len(counts))]) + " |"

    lines = [
        "# Scoreboard",
        "",
        f"| | this instrument | {' | '.join(GATES.values())} |",
        f"| :--- | :--- |{' :--- |' * len(GATES)}",
        row("mutants detected", mutants, "detected", *GATES),
        row("first divergence located", mutants, "located"),
        row("cause named", mutants, "named"),
        row("false alarms on benign variants", benign, "detected", *GATES),
        "",
        f"| mutant | family | detected | located | named | {' | '.join(f'{gate} sees' for gate in GATES.values())} |",
        f"| :--- | :--- | :--- | :--- | :--- |{' :--- |' * len(GATES)}",
    ]
    for one in mutants:
        answers = (one.detected, one.located, one.named, *(getattr(one, gate) for gate in GATES))
        lines.append("| " + " | ".join((one.id, one.family, *("yes" if answer else "no" for answer in answers))) + " |")
    lines += ["", "| benign variant | family | alarm |", "| :--- | :--- | :--- |"]
    lines += [f"| {one.id} | {one.family} | {'yes' if one.detected else 'no'} |" for one in benign]
    return "\n".join(lines) + "\n"


def run(rows: Sequence[Mutant | Benign]) -> list[Score]:
    """Run ``rows`` in one workshop."""
    scores = []
    with tempfile.TemporaryDirectory() as directory, WarmLauncher() as launcher:
        workshop = Workshop(directory=Path(directory), launcher=launcher)
        for number, row in enumerate(rows, start=1):
            sys.stderr.write(f"[{number}/{len(rows)}] {row.id}\n")
            begin = time.perf_counter()
            outcome = workshop.outcome(row)
            scores.append(score(row, outcome, time.perf_counter() - begin))
    return scores


def main(words: Sequence[str]) -> int:
    """Run the catalogue, or what ``words`` name of it; 0 when every row came out as it should."""
    named = [word for word in words if word != RENEW]
    rows = [row for row in CATALOGUE if not named or any(word in f"{row.family} {row.id}" for word in named)]
    scores = run(rows)
    sys.stdout.write(table(scores))
    if scores:
        sys.stderr.write(f"median cost of a row: {statistics.median(one.seconds for one in scores):.2f} s\n")
    for one in scores:
        if not one.is_right:
            sys.stderr.write(f"wrong: {one}\n")
    if not named:
        write(scores)
    elif RENEW in words:
        known = {**stored(), **{one.id: one for one in scores}}
        write([known[row.id] for row in CATALOGUE if row.id in known])
    return int(not all(one.is_right for one in scores))


def stored() -> dict[str, Score]:
    """The rows of the table that is kept, by their names."""
    rows = json.loads((PLACE / "scoreboard.json").read_text(encoding="utf-8"))["rows"]
    return {row["id"]: Score(**row, seconds=0.0) for row in rows}


def write(scores: Sequence[Score]) -> None:
    """Keep the table."""
    listed = [{key: value for key, value in asdict(one).items() if key != "seconds"} for one in scores]
    (PLACE / "scoreboard.md").write_text(table(scores), encoding="utf-8")
    content = json.dumps({"schema": 1, "rows": listed}, indent=2, sort_keys=True) + "\n"
    (PLACE / "scoreboard.json").write_text(content, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
