"""Writes reports/approved/char-gpt/discrepancies.md: the report of a candidate with four defects at once.

``python -m tests.mutants.example`` makes it anew. It is the genre's example: three causes are named, and a printed
number that two defects distort together stays without one.
"""

import sys
import tempfile
from pathlib import Path

from parity.report.discrepancy import discrepancy_report
from parity.report.markdown import render_markdown
from parity.trace.channels import Phase
from tests.mutants.catalogue import MUTANTS
from tests.mutants.planting import ROOT
from tests.mutants.rows import WORLD_2, Mutant
from tests.mutants.specimens import Workshop

PLANTED = (
    "evaluation-prints-validation-as-train",
    "accumulation-not-divided-by-world",
    "tokens-line-missing-factors",
    "biases-decay",
)
TARGET = ROOT / "reports" / "approved" / "char-gpt" / "discrepancies.md"


def main() -> int:
    """Plant the defects, compare, write the report."""
    rows = {row.id: row for row in MUTANTS}
    combined = Mutant(
        id="four-defects",
        edits=tuple(edit for name in PLANTED for edit in rows[name].edits),
        scenario=WORLD_2,
        update=0,
        phase=Phase.DATA,
        channel="micro_steps",
        cause="accumulation-not-divided-by-world",
    )
    with tempfile.TemporaryDirectory() as directory:
        outcome = Workshop(directory=Path(directory)).outcome(combined)
    TARGET.write_text(render_markdown(discrepancy_report([outcome])), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
