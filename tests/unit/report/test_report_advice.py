"""The next command: one that can be pasted, and only where there is one."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from parity.findings.following import Followed
from parity.report.advice import next_command
from tests.unit.report import report_examples as examples
from tests.unit.report.report_builders import found, outcome, trace

BROKEN = outcome(found("loss", 1.0, 2.0), reference=trace("python 'a b.py' --x={out}"))
LIMITED = outcome(found("loss", 1.0, 2.0), reference=trace("python a.py", updates_limit=20, seed=0, world=2))
SHORT = ("--updates", "20", "--seed", "0", "--world", "2")
FOLLOWED = replace(BROKEN, followed=Followed(plain=BROKEN.judgement))


@pytest.mark.parametrize(
    ("outcomes", "directory", "words"),
    [
        ([examples.identical()], "out/a b", ["parity", "report", "out/a b", "--genre", "status"]),
        ([examples.identical()], None, []),
        (
            [examples.identical(), BROKEN],
            "out",
            ["parity", "compare", "python 'a b.py' --x={out}", "python train_refactored.py", "--follow"],
        ),
        (
            [LIMITED],
            "out",
            ["parity", "compare", "python a.py", "python train_refactored.py", *SHORT, "--follow"],
        ),
        ([FOLLOWED], "out", ["parity", "gate", "out"]),
        ([FOLLOWED], None, []),
        ([BROKEN, examples.failed()], "out", ["parity", "help", "reference-failed"]),
    ],
    ids=["parity", "nowhere", "different", "limited", "followed", "followed nowhere", "failed"],
)
def test_what_to_run_next(outcomes, directory, words):
    advice = next_command(outcomes, Path(directory) if directory else None)
    assert shlex.split(advice) == words
