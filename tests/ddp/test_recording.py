"""Programs on several real processes, through torchrun and gloo or nccl, and through baton: ``pytest -k ddp``."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from parity.compare.engine import compare
from parity.record.launch import Recording, record
from parity.record.processes import Launcher, start_fresh
from parity.trace.model import Trace
from parity.trace.store import read_trace
from tests.ddp.gpus import RANKS, needs_a_gpu
from tests.e2e.programs import SCRIPTS, command
from tests.servers import SERVERS

pytestmark = pytest.mark.xdist_group("ranks")

WORLDS = {"gloo": 2, "baton": 2, "nccl": RANKS}


def recorded(place: Path, engine: str, *, arguments: tuple[str, ...] = (), **recording: int) -> Trace:
    launcher: Launcher = SERVERS if engine == "baton" else start_fresh
    told = Recording(world=WORLDS[engine], engine=engine, environment={"OMP_NUM_THREADS": "1"}, **recording)
    words = [*arguments, *(["--cuda"] if engine == "nccl" else [])]
    record(command(SCRIPTS / "ddp.py", *words), place, told, streams=False, launcher=launcher)
    return read_trace(place)


@cache
def whole(place: Path, engine: str) -> Trace:
    """A run to its end, made once for all tests."""
    return recorded(place / engine, engine)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ddp")


@pytest.fixture(scope="module", params=["gloo", "baton", pytest.param("nccl", marks=needs_a_gpu)])
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def trace(engine: str, place: Path) -> Trace:
    return whole(place, engine)


def test_the_manifest_says_how_it_was_run(trace: Trace, engine: str) -> None:
    assert trace.manifest["engine"] == engine
    assert "started as" in trace.manifest["interventions"][0]


def test_every_rank_leaves_a_sealed_trace(trace: Trace, engine: str) -> None:
    assert (trace.world, trace.exit_status) == (WORLDS[engine], 0)
    assert [process.updates for process in trace.processes] == [4] * WORLDS[engine]
    assert all(process.sealed for process in trace.processes)


def test_replicated_parameters_and_reduced_gradients_are_equal_on_all_ranks(trace: Trace) -> None:
    first, *others = trace.processes
    for channel in ("parameter", "gradient"):
        assert any(first.channel(channel))
        for series in first.channel(channel):
            for other in others:
                assert np.array_equal(series.values, other.get(channel, series.name).values)


def test_each_rank_has_its_own_batches(trace: Trace) -> None:
    drawn = [batch for process in trace.processes for batch in process.get("batch", "0").values.tolist()]
    assert len(set(drawn)) == len(drawn) == 4 * trace.world


def test_both_engines_are_identical_bit_for_bit(place: Path) -> None:
    assert compare(whole(place, "gloo"), whole(place, "baton")).measurements == ()


@needs_a_gpu
def test_nccl_repeats_itself_bit_for_bit(place: Path, tmp_path: Path) -> None:
    assert compare(whole(place, "nccl"), recorded(tmp_path / "again", "nccl")).measurements == ()


def test_all_ranks_stop_at_the_same_update(engine: str, tmp_path: Path) -> None:
    trace = recorded(tmp_path / "trace", engine, updates=2)
    assert trace.exit_status == 0
    assert [process.updates for process in trace.processes] == [2] * WORLDS[engine]


def test_the_exception_of_the_failing_rank_is_recorded(engine: str, tmp_path: Path) -> None:
    last = WORLDS[engine] - 1
    trace = recorded(tmp_path / "trace", engine, arguments=(f"--raise-on-rank={last}",))
    assert trace.exit_status != 0
    assert trace.rank(last).get("exception").values.tolist() == [f"RuntimeError: rank {last} gives up"]
