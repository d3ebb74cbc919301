"""Leaving a probe out takes its channels out of the trace, and nothing else."""

import sys
from collections.abc import Callable
from functools import cache

import pytest

from parity.record.launch import Recording, record
from parity.record.probes import MODULES
from parity.record.processes import Launcher
from parity.trace.channels import CHANNELS
from parity.trace.model import Process
from parity.trace.store import read_trace
from tests.e2e.programs import SCRIPTS
from tests.specimens.table import values

SITES = "call_site"
CALLS = {"batch", "batch_shape", "tokens", "rng", "rng_consumed", "gradient_syncs", "gradient_bytes", "weights_loaded"}
EVALUATIONS = {"eval_forwards", "eval_mode", "eval_batch", "eval_batch_shape", "eval_draws"}
LEANS_ON = {
    # files that native code opens are known only from who asked for them
    "checkpoints": {"file_written"},
    # whoever is told of calls hears none, and a model that was not seen being called is found later
    "forward": CALLS | EVALUATIONS | {"buffer_initial", "buffer"},
    "backward": {"micro_steps", "target", "target_shape", "loss_dtype", "carried_gradients", "repeated_steps"},
    # an update is then inferred from what has changed
    "optimizers": {"step_skipped", "update_inferred", "carried_gradients", "repeated_steps"},
    # the norm is then taken of what has been clipped
    "clipping": {"gradient_norm", "clip_scale"},
    # a loss is then what is differentiated
    "scaling": {"loss"},
}
STANDS_IN = {"optimizers": {"parameter"}}
"""Channels of a probe that another one observes in its place."""
QUIET = {"afterwards", "charts", "manual_updates", "sketching"}
"""Probes for which the program has nothing: specimens of their own prove them."""

Recorded = Callable[..., Process]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, warm: Launcher) -> Recorded:
    @cache
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


@pytest.mark.parametrize("probe", MODULES)
def test_only_its_own_channels_are_gone(probe: str, recorded: Recorded, whole: Process) -> None:
    process = recorded(probe)
    own = set(MODULES[probe].CHANNELS)
    present = {channel for channel, _ in whole.series}
    assert bool(own & present) != (probe in QUIET), "whether the program has something for this probe"
    assert own & {channel for channel, _ in process.series} <= STANDS_IN.get(probe, set())
    for channel in set(CHANNELS) - own - {SITES} - LEANS_ON.get(probe, set()):
        assert values(process, channel) == values(whole, channel), channel
    assert [note for note in process.notes if "error" in note] == []
    assert process.notes == whole.notes or probe in LEANS_ON


@pytest.mark.parametrize("channel", sorted(set().union(*LEANS_ON.values())))
def test_what_cannot_be_counted_is_not_claimed_to_be_zero(channel: str, recorded: Recorded, whole: Process) -> None:
    """A channel that lost its evidence is absent, or holds something that was seen."""
    missing = {probe: values(recorded(probe), channel) for probe, lost in LEANS_ON.items() if channel in lost}
    for probe, found in missing.items():
        assert not found or set(map(str, found)) != {"0"} or channel in MODULES[probe].CHANNELS, probe


@pytest.mark.parametrize("probe", MODULES)
def test_a_probe_says_what_it_is(probe: str) -> None:
    module = MODULES[probe]
    assert set(module.CHANNELS) <= set(CHANNELS)
    assert module.SEAM
    assert module.BLIND
    assert module.__doc__
