"""The tutorial, done step by step in a fresh repository: what it shows is what happens."""

import os
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.e2e.console import agrees, follow
from tests.e2e.programs import ROOT

TUTORIAL = ROOT / "docs" / "tutorial.md"


def test_everything_it_shows_happens(tmp_path: Path) -> None:
    for folder in ("bin", "instrument", "theirs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "instrument/parity").symlink_to(ROOT / "parity")
    for name, module in {"python": "", "parity": "-m parity.cli "}.items():
        program = tmp_path / "bin" / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {module}"$@"\n', encoding="utf-8")
        program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(tmp_path / "instrument"),
        "PARITY_CACHE": str(tmp_path / "cache"),
        "OMP_NUM_THREADS": "1",
        "CI": "",
    }
    day = (date.today() + timedelta(days=100)).isoformat()
    done = list(follow(TUTORIAL, tmp_path / "theirs", environment, day))
    assert len(done) == TUTORIAL.read_text(encoding="utf-8").count("\n$ ") > 0
    for step, printed in done:
        assert agrees(step.output, printed), f"$ {step.command}\n{printed}\nbut the page says\n{step.output}"


@pytest.mark.parametrize(
    ("expected", "printed", "word"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a 0.1... b\n", "a 0.1234 b\n", True),
        ("a\n...\nd\n", "a\nb\nc\nd\n", True),
        ("1,456 values, all equal\n", "81 values, all equal\n", True),
        ("1,456 values, all equal\n", "1,456 values, 3 equal\n", False),
        ("20 updates\n", "21 updates\n", False),
        ("a\n", "a\nb\n", False),
        ("a 0.1... b\n", "a 0.2 b\n", False),
        ("", "anything\n", False),
    ],
)
def test_a_page_that_says_otherwise_is_found(expected: str, printed: str, word: bool) -> None:
    assert agrees(expected, printed) is word
