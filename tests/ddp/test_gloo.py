"""Programs on several real processes, through torchrun and gloo: ``pytest -k ddp``."""

from pathlib import Path

import numpy as np
import pytest

from parity.compare.engine import compare
from parity.record.launch import Recording, record
from parity.trace.model import Trace
from parity.trace.store import read_trace
from tests.e2e.programs import SCRIPTS, command


def recorded(place: Path, *, script: str = "ddp.py", arguments: tuple[str, ...] = (), **recording: int) -> Trace:
    record(command(SCRIPTS / script, *arguments), place, Recording(world=2, **recording), streams=False)
    return read_trace(place)


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    return recorded(tmp_path_factory.mktemp("ddp") / "trace")


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


def test_a_second_run_is_identical_bit_for_bit(trace: Trace, tmp_path: Path) -> None:
    assert compare(trace, recorded(tmp_path / "again")).measurements == ()


def test_all_ranks_stop_at_the_same_update(tmp_path: Path) -> None:
    trace = recorded(tmp_path / "trace", updates=2)
    assert trace.exit_status == 0
    assert [process.updates for process in trace.processes] == [2, 2]


def test_the_exception_of_the_failing_rank_is_recorded(tmp_path: Path) -> None:
    trace = recorded(tmp_path / "trace", arguments=("--raise-on-rank=1",))
    assert trace.exit_status != 0
    assert trace.rank(1).get("exception").values.tolist() == ["RuntimeError: rank 1 gives up"]
