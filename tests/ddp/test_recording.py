"""Programs on several real processes, through torchrun and gloo, and through engine baton: ``pytest -k ddp``."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from parity.compare.engine import compare
from parity.record.launch import Recording, record
from parity.record.processes import Launcher, start_fresh
from parity.trace.model import Trace
from parity.trace.store import read_trace
from tests.e2e.programs import SCRIPTS, command
from tests.servers import SERVERS


def recorded(place: Path, engine: str, *, arguments: tuple[str, ...] = (), **recording: int) -> Trace:
    launcher: Launcher = SERVERS if engine == "baton" else start_fresh
    told = Recording(world=2, engine=engine, environment={"OMP_NUM_THREADS": "1"}, **recording)
    record(command(SCRIPTS / "ddp.py", *arguments), place, told, streams=False, launcher=launcher)
    return read_trace(place)


@cache
def whole(place: Path, engine: str) -> Trace:
    """A run to its end, made once for all tests."""
    return recorded(place / engine, engine)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ddp")


@pytest.fixture(scope="module", params=["gloo", "baton"])
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def trace(engine: str, place: Path) -> Trace:
    return whole(place, engine)


def test_the_manifest_says_how_it_was_run(trace: Trace, engine: str) -> None:
    assert trace.manifest["engine"] == engine
    assert "ranks" in trace.manifest["interventions"][0]


def test_every_rank_leaves_a_sealed_trace(trace: Trace) -> None:
    assert (trace.world, trace.exit_status) == (2, 0)
    assert [process.updates for process in trace.processes] == [4, 4]
    assert all(process.sealed for process in trace.processes)


def test_replicated_parameters_and_reduced_gradients_are_equal_on_all_ranks(trace: Trace) -> None:
    first, second = trace.processes
    for channel in ("parameter", "gradient"):
        for series in first.channel(channel):
            assert np.array_equal(series.values, second.get(channel, series.name).values)


def test_each_rank_has_its_own_batches(trace: Trace) -> None:
    first, second = (process.get("batch", "0") for process in trace.processes)
    assert not set(first.values.tolist()) & set(second.values.tolist())


def test_both_engines_are_identical_bit_for_bit(place: Path) -> None:
    assert compare(whole(place, "gloo"), whole(place, "baton")).measurements == ()


def test_all_ranks_stop_at_the_same_update(engine: str, tmp_path: Path) -> None:
    trace = recorded(tmp_path / "trace", engine, updates=2)
    assert trace.exit_status == 0
    assert [process.updates for process in trace.processes] == [2, 2]


def test_the_exception_of_the_failing_rank_is_recorded(engine: str, tmp_path: Path) -> None:
    trace = recorded(tmp_path / "trace", engine, arguments=("--raise-on-rank=1",))
    assert trace.exit_status != 0
    assert trace.rank(1).get("exception").values.tolist() == ["RuntimeError: rank 1 gives up"]
