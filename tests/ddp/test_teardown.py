"""Aborts of gloo after the training, in one rank of several: one retry, said; nobody else is ended for it."""

import shlex
import sys
from pathlib import Path

import pytest

from parity.errors import TeardownAbortError
from parity.record.launch import Recording
from parity.record.teardown import REMARK
from parity.run.plan import Scenario, Side
from parity.run.session import run_side
from parity.trace.model import Trace
from tests.e2e.programs import SCRIPTS
from tests.servers import SERVERS


def run(place: Path, deaths: str, *arguments: str) -> Trace:
    words = [sys.executable, str(SCRIPTS / "aborts_in_teardown.py"), str(place / "deaths"), deaths, *arguments]
    command = shlex.join(words)
    recording = Recording(world=2, engine="baton", environment={"OMP_NUM_THREADS": "1"})
    scenario = Scenario(pair="pair", name="ranks", reference=command, candidate=command, recording=recording)
    return run_side(scenario, Side.REFERENCE, place, lambda *_: None, SERVERS)


def test_one_abort_is_retried_and_said(tmp_path: Path) -> None:
    # Both ranks of the first attempt may die before they see that the other has.
    trace = run(tmp_path, "1")
    assert (trace.exit_status, [process.updates for process in trace.processes]) == (0, [3, 3])
    assert REMARK in trace.manifest["interventions"]


def test_a_program_that_aborts_every_time_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(TeardownAbortError, match=r"status -6"):
        run(tmp_path, "9")


def test_a_program_that_fails_by_itself_is_not_retried(tmp_path: Path) -> None:
    trace = run(tmp_path, "0", "raises")
    assert trace.exit_status == 1
    assert REMARK not in trace.manifest["interventions"]
    assert not (tmp_path / "deaths").exists()
