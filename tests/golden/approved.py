"""The approved reports: which pair and genre each shows. ``python -m tests.golden.approved`` makes them anew.

Only what a quick run can repeat is kept. But for versions in the discrepancy report, nothing depends on the machine.
"""

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPROVED = ROOT / "reports" / "approved"


@dataclass(frozen=True)
class Approved:
    """One report: its directory under reports/approved (of a family), its genre, and the pairs that it is about."""

    directory: str
    genre: str
    pairs: tuple[str, ...]

    @property
    def path(self) -> Path:
        stem = "report" if self.genre == "discrepancy" else self.genre
        return APPROVED / self.directory / f"{stem}.md"


REPORTS = (
    Approved("char-gpt", "discrepancy", ("char-gpt",)),
    Approved("gpt2", "status", ("gpt2-vanilla", "gpt2-unified-ra")),
    Approved("occ", "comparison", ("occ-train", "occ-mixer", "occ-finetune")),
    Approved("stream", "features", ("stream-sample", "stream-chunk")),
    Approved("char-gpt", "integration", ("char-gpt",)),
)


def run(place: Path) -> dict[Approved, str]:
    """Run the quick scenarios of all pairs under ``place``, and write each report from what they leave behind."""
    pairs = dict.fromkeys(pair for report in REPORTS for pair in report.pairs)
    _parity("run", *pairs, "-o", str(place))
    made = {}
    for report in REPORTS:
        if report.genre == "discrepancy":
            made[report] = (place / report.pairs[0] / report.path.name).read_text(encoding="utf-8")
            continue
        stored = [str(place / pair) for pair in report.pairs]
        out = place / "reports" / report.directory
        _parity("report", *stored, "--genre", report.genre, "-o", str(out))
        made[report] = (out / report.path.name).read_text(encoding="utf-8")
    return made


def _parity(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "parity.cli", *words, "--quiet"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"


def main() -> int:
    """Write all approved reports."""
    with tempfile.TemporaryDirectory() as directory:
        for report, content in run(Path(directory)).items():
            report.path.parent.mkdir(parents=True, exist_ok=True)
            report.path.write_text(content, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
