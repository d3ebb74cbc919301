"""Leaving a probe out takes its channels out of the trace, and nothing else."""

import sys
from collections.abc import Callable

import pytest

from parity.record.launch import Recording, record
from parity.record.probes import MODULES
from parity.record.processes import Launcher
from parity.trace.channels import CHANNELS
from parity.trace.model import Process
from parity.trace.store import read_trace
from tests.e2e.programs import SCRIPTS
from tests.specimens.table import values

PROBES = (
    "checkpoints",
    "collectives",
    "configuration",
    "distributed",
    "environment",
    "exits",
    "files",
    "loaders",
    "modes",
    "printing",
    "randomness",
    "schedulers",
    "seeding",
    "signals",
    "trackers",
    "zeroing",
)
SITES = "call_site"
LEANS_ON = {"checkpoints": {"file_written"}}
"""Files that native code opens are known only from who asked for them."""

Recorded = Callable[..., Process]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, warm: Launcher) -> Recorded:
    def run(*without: str) -> Process:
        place = tmp_path_factory.mktemp("removal")
        out = place / "out"
        recording = Recording(out=out, without=without, environment={"OMP_NUM_THREADS": "1"})
        words = [sys.executable, "seams/everything.py", str(out)]
        trace = place / "trace"
        assert record(words, trace, recording, directory=SCRIPTS, streams=False, launcher=warm) == 0
        return read_trace(trace).processes[0]

    return run


@pytest.fixture(scope="module")
def whole(recorded: Recorded) -> Process:
    return recorded()


@pytest.mark.parametrize("probe", PROBES)
def test_only_its_own_channels_are_gone(probe: str, recorded: Recorded, whole: Process) -> None:
    process = recorded(probe)
    own = set(MODULES[probe].CHANNELS)
    present = {channel for channel, _ in whole.series}
    assert own & present, "the program has nothing for this probe"
    assert not own & {channel for channel, _ in process.series}
    for channel in set(CHANNELS) - own - {SITES} - LEANS_ON.get(probe, set()):
        assert values(process, channel) == values(whole, channel), channel
    assert process.notes == whole.notes


@pytest.mark.parametrize("probe", PROBES)
def test_a_probe_says_what_it_is(probe: str) -> None:
    module = MODULES[probe]
    assert set(module.CHANNELS) <= set(CHANNELS)
    assert module.SEAM
    assert module.BLIND
    assert module.__doc__
