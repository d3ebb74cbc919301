"""What is digested on a device, where the training must not wait for it."""

import sys

import numpy as np
import pytest

from parity.compare.engine import compare
from parity.findings.judge import judge
from parity.record.launch import Recording, record
from parity.trace.channels import CHANNELS, Kind
from parity.trace.model import Trace
from parity.trace.store import read_trace
from tests.e2e.programs import SCRIPTS

pytestmark = pytest.mark.xdist_group("devices")


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory, warm) -> dict[str, Trace]:
    found = {}
    for name, words in {
        "host": ("0.01", "host"),
        "device": ("0.01", "device"),
        "again": ("0.01", "device"),
        "other": ("0.02", "device"),
    }.items():
        place = tmp_path_factory.mktemp("devices") / "trace"
        command = [sys.executable, str(SCRIPTS / "elsewhere.py"), *words]
        recording = Recording(sketch="every:1", environment={"OMP_NUM_THREADS": "1"})
        assert record(command, place, recording, streams=False, launcher=warm) == 0
        found[name] = read_trace(place)
    return found


def test_every_series_is_there_in_the_same_updates(traces: dict[str, Trace]) -> None:
    (host,), (device,) = traces["host"].processes, traces["device"].processes
    assert [note for note in device.notes if "probe" in note or "blind" in note] == []
    assert device.series.keys() == host.series.keys()
    for key, series in host.series.items():
        assert np.array_equal(device.series[key].updates, series.updates), key


def test_values_and_the_digests_of_small_tensors_are_the_same_as_on_the_host(traces: dict[str, Trace]) -> None:
    (host,), (device,) = traces["host"].processes, traces["device"].processes
    other = set()
    for (channel, name), series in host.series.items():
        if channel != "config" and not np.array_equal(device.series[channel, name].values, series.values):
            assert CHANNELS[channel].kind is Kind.DIGEST
            other.add(name)
    # Whatever is larger than a mebibyte: one matrix, its gradient, its moments and its average.
    assert {name.rpartition("0.weight")[2] for name in other} == {"", "/exp_avg", "/exp_avg_sq"}


def test_a_second_run_is_identical_and_another_rate_is_found(traces: dict[str, Trace]) -> None:
    assert not judge(compare(traces["device"], traces["again"])).findings
    channels = [one.channel.name for one in judge(compare(traces["device"], traces["other"])).findings if one.gates]
    assert channels[0] == "lr"
    assert {"parameter", "gradient", "optimizer_state", "parameter_outside"} <= set(channels)
