"""What others have recorded, imported and compared on the command line; and runs exported again."""

import csv
import json
from pathlib import Path

import pytest

from parity.trace.manifest import write_manifest
from tests.e2e.programs import parity
from tests.unit.trace.importers.encoders import event, trackio_database
from tests.unit.trace.trace_files import write_run

EXACT = "step,loss\n0,0.30000000000000004\n1,{}\n"
LOG = "step 0: loss 4.1699\nstep 1: loss {}\n"


def imported(directory: Path, name: str, content: str) -> None:
    (directory / name).write_text(content, encoding="utf-8")
    done = parity("import", name, "-o", f"run-{name}", cwd=directory)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"2 values of 1 metrics; next: parity diff" in done.stderr


@pytest.mark.parametrize(
    ("form", "kind", "value", "other", "status", "verdict"),
    [
        (EXACT, "csv", "0.25", "0.25", 0, "identical"),
        (EXACT, "csv", "0.25", "0.2500000000000001", 1, "different"),
        (LOG, "log", "4.1", "4.1", 3, "not-compared"),
        (LOG, "log", "4.1", "4.2", 1, "different"),
    ],
)
def test_two_imports(form: str, kind: str, value: str, other: str, status: int, verdict: str, tmp_path: Path) -> None:
    """Equal prints prove nothing, so they are neither identical nor a violation."""
    imported(tmp_path, f"ours.{kind}", form.format(value))
    imported(tmp_path, f"theirs.{kind}", form.format(other))
    done = parity("diff", f"run-ours.{kind}", f"run-theirs.{kind}", "--json", cwd=tmp_path)
    result = json.loads(done.stdout)
    assert (done.returncode, result["verdict"]) == (status, verdict)
    reasons = [one["reason"] for one in result["not_compared"] if one["channel"] == "metric"]
    assert reasons == (
        ["equal as far as it is known (5 significant digits), which proves no identity"] if status == 3 else []
    )


def test_kinds_patterns_and_runs_are_options(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("[7] L=0.5\n", encoding="utf-8")
    assert (
        parity("import", "out", "-o", "a", "--pattern", r"\[(?P<step>\d+)\] L=(?P<loss>\S+)", cwd=tmp_path).returncode
        == 0
    )
    trackio_database(tmp_path / "p.db", [("one", 0, {"x": 1.5}), ("two", 0, {"x": 2.5})])
    assert parity("import", "p.db", "-o", "b", cwd=tmp_path).returncode == 2
    assert parity("import", "p.db", "-o", "b", "--run", "two", cwd=tmp_path).returncode == 0
    (tmp_path / "named-anyhow").write_bytes(event(3, "loss", 1.0) + b"torn")
    done = parity("import", "named-anyhow", "-o", "c", "--kind", "tensorboard", cwd=tmp_path)
    assert done.returncode == 0
    assert b"4 bytes at the end of named-anyhow are no whole record" in done.stderr
    for name, row in (("a", "0,7,0,log,metric,loss,float,0.5"), ("b", "0,0,0,log,metric,x,float,2.5")):
        assert parity("export", name, "-o", f"{name}.csv", cwd=tmp_path).returncode == 0
        assert (tmp_path / f"{name}.csv").read_text(encoding="utf-8").splitlines()[1:] == [row]


def test_what_cannot_be_imported_is_a_usage_error(tmp_path: Path) -> None:
    done = parity("import", "nowhere", "-o", "run", cwd=tmp_path)
    assert done.returncode == 2
    assert b"nowhere does not exist" in done.stderr
    assert b"parity help source-unreadable" in done.stderr


def test_an_export_of_a_run(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [(0, "loss", "", 1 / 3), (0, "config", "k", "v")])
    write_manifest(tmp_path / "run", {})
    assert parity("export", "run", "-o", "run.csv", cwd=tmp_path).returncode == 0
    with (tmp_path / "run.csv").open(newline="", encoding="utf-8") as file:
        assert [row["value"] for row in csv.DictReader(file)] == [repr(1 / 3), "v"]
    done = parity("export", "run", "-o", "run.xlsx", cwd=tmp_path)
    assert done.returncode == 2
    assert b"expected one of .csv, .jsonl, .parquet" in done.stderr
