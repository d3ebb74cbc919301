"""Whatever needs no training must not wait for torch: importing it takes longer than all the rest."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.trace.trace_files import write_run

ROOT = Path(__file__).resolve().parents[2]
REPORT = "\nimport sys\nprint([name for name in ('torch', 'matplotlib', 'pytest') if name in sys.modules])"
HELP = """
import sys
from parity.cli import main
sys.argv = ["parity", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""
JUDGE = """
import sys
from pathlib import Path
from parity.compare.engine import compare
from parity.findings.judge import judge
from parity.trace.store import read_trace
ours, theirs = (read_trace(Path(word)) for word in sys.argv[1:])
assert [one.channel.name for one in judge(compare(ours, theirs)).findings] == ["loss"]
"""
PLAN = """
from pathlib import Path
from parity.policy import find_policy
import parity.record.launch, parity.run.plan, parity.run.session, parity.gate
find_policy(Path.cwd())
"""


def last_line(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", code + REPORT, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("code", ["import parity.cli", HELP, PLAN], ids=["import", "help", "plan"])
def test_without_torch(code):
    assert last_line(code) == "[]"


def test_judging_two_stored_traces_without_torch(tmp_path):
    sides = [write_run(tmp_path / name, [(0, "loss", "", value)]) for name, value in (("a", 1.0), ("b", 2.0))]
    assert last_line(JUDGE, *sides) == "[]"
