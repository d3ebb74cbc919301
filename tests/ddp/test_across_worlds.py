"""One pair at several world sizes: each is compared, and the candidate with itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.programs import ROOT, SCRIPTS

DIVIDES = f"{sys.executable} {SCRIPTS / 'worlds' / 'divides.py'}"


def compared(reference: str, candidate: str, place: Path) -> tuple[int, dict[str, set[str]]]:
    """The exit code, and by scenario the channels that gate."""
    words = [sys.executable, "-c", "import sys; from parity.cli import main; sys.exit(main())", "compare"]
    options = [reference, candidate, "--world", "1,2", "--no-rerun", "--json", "-o", str(place)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*words, *options], capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
    results = json.loads(done.stdout)
    return done.returncode, {
        result["scenario"]: {one["channel"] for one in result["findings"] if one["gates"]} for result in results
    }


def test_a_candidate_that_forgets_to_divide_breaks_the_algebra(tmp_path: Path) -> None:
    status, found = compared(DIVIDES, f"{DIVIDES} forgets", tmp_path)
    assert status == 1
    assert list(found) == ["world-1", "world-2", "across-worlds-1-2"]
    assert found["world-1"] == set()
    assert {"micro_steps", "tokens"} <= found["across-worlds-1-2"]


def test_what_the_reference_breaks_too_is_how_the_training_is_meant(tmp_path: Path) -> None:
    status, found = compared(f"{DIVIDES} forgets", f"{DIVIDES} forgets", tmp_path)
    assert (status, found["across-worlds-1-2"]) == (0, set())
