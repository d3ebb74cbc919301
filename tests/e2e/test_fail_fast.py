"""``parity compare --fail-fast``: both sides together, stopped at the first divergence."""

import json
import time
from pathlib import Path

from tests.e2e.programs import TINY, command, parity

SLOW = ("--pause=0.05",)


def compare(reference: str, candidate: str, cwd: Path) -> tuple[int, dict]:
    done = parity("compare", reference, candidate, "--fail-fast", "--json", cwd=cwd)
    return done.returncode, json.loads(done.stdout)


def stopped_after(side: str, cwd: Path) -> int:
    output = cwd / f"reports/out/compare/scratch/{side}/trace/stdout.txt"
    return output.read_text(encoding="utf-8").count("step ")


def test_endless_programs_are_stopped_at_the_first_divergence(tmp_path: Path) -> None:
    endless = ("--steps=1000000", *SLOW)
    begin = time.monotonic()
    status, result = compare(command(TINY, *endless), command(TINY, *endless, "--lr-change-at=5"), tmp_path)
    assert status == 1
    first = result["first_divergence"]
    assert (first["update"], first["channel"]) == (5, "lr")
    assert {finding["verdict"] for finding in result["findings"] if finding["gates"]} == {"different"}
    assert all(5 < stopped_after(side, tmp_path) < 1000 for side in ("reference", "candidate"))
    assert time.monotonic() - begin < 120


def test_equal_programs_run_to_their_end(tmp_path: Path) -> None:
    same = command(TINY, "--steps=8", *SLOW)
    status, result = compare(same, same, tmp_path)
    assert (status, result["verdict"]) == (0, "identical")
    assert [stopped_after(side, tmp_path) for side in ("reference", "candidate")] == [8, 8]


def test_a_side_that_fails_stops_the_other(tmp_path: Path) -> None:
    endless = ("--steps=1000000", *SLOW)
    status, result = compare(command(TINY, *endless), command(TINY, *endless, "--raise-at=3"), tmp_path)
    assert status == 1
    assert result["first_divergence"]["candidate"] == "ValueError: no more data at step 3"
    assert stopped_after("reference", tmp_path) < 2000
