"""Over nccl, where there is a GPU for each rank: a recorded program computes what the bare one does, bit for bit."""

import json
import sys
from functools import cache
from pathlib import Path

import pytest

from parity.errors import UsageError
from parity.record.commands import across_ranks
from parity.record.launch import Recording, record
from parity.trace.store import read_trace
from tests.ddp.gpus import GPUS, RANKS, needs_a_gpu, needs_two
from tests.ddp.test_equal import TRAINING
from tests.e2e.programs import SCRIPTS, run

ALONE = (*TRAINING, "compiled", "functional", "collectives", "handles")
TOGETHER = ("messages", "subgroups", "fully_sharded")
Found = list[dict[str, list[str]]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nccl")


@cache
def found(place: Path, *, recorded: bool) -> Found:
    """What every rank found in each way."""
    out = place / ("recorded" if recorded else "bare")
    out.mkdir()
    ways = ALONE if RANKS < 2 else (*ALONE, *TOGETHER)
    words = [sys.executable, str(SCRIPTS / "worlds" / "everything.py"), str(out), "nccl", f"{RANKS}={','.join(ways)}"]
    if recorded:
        recording = Recording(world=RANKS, engine="nccl", timeout=200, environment={"OMP_NUM_THREADS": "1"})
        assert record(words, out / "trace", recording, streams=False) == 0, (out / "trace/stderr.txt").read_text()
    else:
        done = run(across_ranks(words, RANKS), cwd=SCRIPTS)
        assert done.returncode == 0, done.stderr.decode()
    read = [json.loads((out / f"rank{rank}.json").read_text()) for rank in range(RANKS)]
    return [one[str(RANKS)] for one in read]


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=needs_a_gpu if way in ALONE else needs_two) for way in (*ALONE, *TOGETHER)]
)
def test_recording_changes_no_bit(way: str, place: Path) -> None:
    bare, recorded = (found(place, recorded=one) for one in (False, True))
    for rank in range(RANKS):
        assert recorded[rank][way] == bare[rank][way], f"rank {rank} of {RANKS}"
        assert recorded[rank][way]


@needs_a_gpu
def test_a_program_that_is_written_for_gpus_runs_as_it_is(tmp_path: Path) -> None:
    words = [sys.executable, str(SCRIPTS / "worlds" / "gpu.py"), str(tmp_path / "model.pt"), "autocast"]
    recording = Recording(world=RANKS, engine="nccl")
    status = record(words, tmp_path / "trace", recording, streams=False)
    assert status == 0, (tmp_path / "trace" / "stderr.txt").read_text(encoding="utf-8")
    trace = read_trace(tmp_path / "trace")
    assert (trace.world, [process.updates for process in trace.processes]) == (RANKS, [3] * RANKS)
    assert "True nccl cuda:0" in (trace.directory / "stdout.txt").read_text(encoding="utf-8")
    assert not [one for one in trace.manifest["interventions"] if "without a GPU" in one]


def test_more_ranks_than_gpus_are_refused(tmp_path: Path) -> None:
    words = [sys.executable, str(SCRIPTS / "ddp.py"), "--cuda"]
    with pytest.raises(UsageError, match=f"needs a GPU for each of {GPUS + 1} ranks, and finds {GPUS}; use --engine"):
        record(words, tmp_path, Recording(world=GPUS + 1, engine="nccl"), streams=False)
