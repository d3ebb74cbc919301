"""``parity compare`` takes a close-up by itself, and judging stored traces again finds it."""

import json
import shutil
from pathlib import Path

from tests.e2e.closeups import edited
from tests.e2e.programs import SCRIPTS, command, parity


def test_compare_report_and_no_zoom(tmp_path: Path) -> None:
    shutil.copy(SCRIPTS / "finals.py", tmp_path)
    for name, edits in (("ours.py", ()), ("theirs.py", (("nn.GELU()", "nn.GELU('tanh')"),))):
        (tmp_path / name).write_text(edited(edits), encoding="utf-8")
    sides = command(tmp_path / "ours.py"), command(tmp_path / "theirs.py")

    done = parity("compare", *sides, "--no-rerun", "--json", cwd=tmp_path)
    result = json.loads(done.stdout)
    assert (done.returncode, result["causes"][0]["id"]) == (1, "gelu-variant")
    assert result["zoom"]["module"]["path"] == "h.0.mlp.gelu"
    assert b"[1/1] compare/scratch: candidate, close-up" in done.stderr

    # Both runs of the close-up end with its update, and their traces do not replace those of the comparison.
    place = tmp_path / "reports/out/compare/scratch"
    assert [(place / part / "reference/trace/stdout.txt").read_text().count("step ") for part in ("", "zoom")] == [5, 1]
    stored = parity("report", "reports/out/compare", "--json", cwd=tmp_path)
    assert json.loads(stored.stdout)["zoom"] == result["zoom"]

    without = json.loads(parity("compare", *sides, "--no-rerun", "--no-zoom", "--json", cwd=tmp_path).stdout)
    assert (without["zoom"], without["causes"][0]["id"]) == (None, "loss-differs")
