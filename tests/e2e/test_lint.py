"""``parity lint``: one run by itself, from the command line."""

import json
import sys
from pathlib import Path

from tests.e2e.programs import SCRIPTS, parity, parity_process, run

LAWS = str(SCRIPTS / "laws.py")


def test_lint_names_what_a_run_betrays_and_probing_changes_no_bit(tmp_path: Path) -> None:
    words = [sys.executable, LAWS, "acausal", str(tmp_path / "out")]
    bare = run(words, cwd=tmp_path)
    done = parity_process("record", "-o", "trace", "--level", "full", "--", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, bare.stdout)
    linted = parity("lint", "trace", "--json", cwd=tmp_path)
    result = json.loads(linted.stdout)
    assert (linted.returncode, result["exit_code"], result["verdict"]) == (1, 1, "violated")
    (violated,) = [one for one in result["invariants"] if one["state"] == "violated"]
    assert violated["id"] == "causal"
    assert violated["violations"][0]["observed"] == "the last token changes the output at 5 earlier positions"
    shown = parity("lint", "trace", cwd=tmp_path).stdout.decode()
    assert shown.startswith("Violated: trace: ")
    assert "A later token changes an earlier output (causal)" in shown


def test_a_run_without_training_has_nothing_to_check(tmp_path: Path) -> None:
    assert (
        parity_process("record", "-o", "trace", "--", sys.executable, "-c", "import torch", cwd=tmp_path).returncode
        == 0
    )
    done = parity("lint", "trace", "--json", cwd=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["verdict"]) == (3, "not-compared")
    assert parity("lint", "missing", cwd=tmp_path).returncode == 3
