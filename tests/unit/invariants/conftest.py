"""Programs recorded once for all tests of this room, from a warm server."""

import sys
from functools import cache

import pytest

from parity.record.launch import Recording, record
from parity.trace.store import read_trace
from tests.e2e.programs import SCRIPTS


@pytest.fixture(scope="package")
def recorded(warm, tmp_path_factory):
    """Record a program of tests/scripts and return its trace."""

    @cache
    def run(*words, level="full"):
        place = tmp_path_factory.mktemp("run")
        recording = Recording(out=place / "out", level=level, environment={"OMP_NUM_THREADS": "1"})
        line = [sys.executable, *(word.replace("{out}", str(place / "out")) for word in words)]
        status = record(line, place / "trace", recording, directory=SCRIPTS, streams=False, launcher=warm)
        assert status == 0, (place / "trace" / "stderr.txt").read_text(encoding="utf-8")
        trace = read_trace(place / "trace")
        assert [note for one in trace.processes for note in one.notes if "probe" in note] == []
        return trace

    return run
