"""Programs whose calls go through the recorder print the same bytes, on both streams, and end the same way."""

import sys
from pathlib import Path

import pytest

from parity.record.launch import Recording, record
from tests.e2e.programs import SCRIPTS, run

PROGRAMS = (
    ("seams/fails_inside.py",),
    ("seams/compiled.py",),
    ("seams/loaders.py", "2"),
    ("seams/prints.py",),
    ("seams/stranger.py",),
    ("seams/draws.py", "forward"),
)


@pytest.mark.parametrize("words", PROGRAMS, ids=lambda words: "-".join(words))
def test_streams_and_status_are_those_of_the_bare_program(words: tuple[str, ...], tmp_path: Path) -> None:
    line = [sys.executable, *words]
    bare = run(line, cwd=SCRIPTS)
    recording = Recording(environment={"OMP_NUM_THREADS": "1"})
    status = record(line, tmp_path, recording, directory=SCRIPTS, streams=False)
    assert status == bare.returncode
    assert (tmp_path / "stdout.txt").read_bytes() == bare.stdout
    assert (tmp_path / "stderr.txt").read_bytes() == bare.stderr
