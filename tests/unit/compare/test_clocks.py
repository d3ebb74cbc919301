import pytest

from parity.compare.clocks import is_clock_metric, is_clock_reading
from parity.trace.lines import split_line

CLOCKS = [
    ("took 3", [0]),
    ("3.2ms", [0]),
    ("3.2 ms per step", [0]),
    ("iter 3, time 12.3ms", [1]),
    ("lr 0.1, time 3.2ms", [1]),
    ("lr 0.1, time: 3.2", [1]),
    ("loss 2.5 time=3", [1]),
    ("loss 2.5 (12 s)", [1]),
    ("elapsed: 3.5", [0]),
    ("elapsed time 3.5", [0]),
    ("duration 3", [0]),
    ("dt: 3.5", [0]),
    ("ETA 12", [0]),
    ("latency = 3", [0]),
    ("throughput 1000", [0]),
    ("1000 tok/s", [0]),
    ("1000 tokens/sec", [0]),
    ("1000 tokens per second", [0]),
    ("tok/s: 1000", [0]),
    ("tokens_per_sec=1000", [0]),
    ("step_ms 3", [0]),
    ("8.1it/s", [0]),
    ("1.2s/it", [0]),
    ("mfu 12.5%", [0]),
    ("12 minutes", [0]),
    ("2.5 hours left", [0]),
    ("pid 4711 loss 2", [0]),
    ("port: 29500", [0]),
    ('{"loss": 2.5, "time": 0.1}', [1]),
    ("loss 2.5, 3 min", [1]),
    ("step_time 0.3", [0]),
    ("iter_time=0.3", [0]),
    ("time (ms): 3", [0]),
    ("time per step 3", [0]),
    ("12.3k tok/s", [0]),
    ("1.2M tokens/s", [0]),
    ("3 \u00b5s", [0]),
    ("samples/second: 3", [0]),
    ("3 steps/second", [0]),
    ("runtime 3", [0]),
    ("loss 2 took 0:00:12", [1, 2, 3]),
    ("100%|##| 100/100 [00:12<01:30,  8.10it/s]", [3, 4, 5, 6, 7]),
]
NO_CLOCKS = [
    "loss 2.5",
    "lr 0.1",
    "step 3",
    "step 3 loss 2.5 step 4",
    "items 3",
    "3 items",
    "epoch 3",
    "epoch 3: 2 steps",
    "5 samples, 3 seeds",
    "3 hidden 4 units",
    "2 micro-batches",
    "update 3",
    "updated: 3",
    "timestep 3",
    "timesteps: 3",
    "times 3",
    "rapid 3 support 2",
    "import 3",
    "items/step 3",
    "loss/sample 3",
    "accuracy 93.1%",
    "gradient norm 3, scale 65536",
    "width 3",
    "min loss 2.5 max loss 3.5",
    "minimum 3",
    "seed 3",
    "3 MB",
    "3 M parameters",
    "epoch [1/10] loss 2.5",
    "[3] loss 2.5",
    "weights [0.1, 0.2]",
    "loss 2.5 min 2.1 max 3.0",
    "layers 6 H 8 D 64",
]


def readings(line):
    """Positions of the numbers of ``line`` that are taken for clock readings, and how many there are."""
    template, numbers = split_line(line)
    return [at for at in range(len(numbers)) if is_clock_reading(f"{template}#{at}")], len(numbers)


@pytest.mark.parametrize(("line", "positions"), CLOCKS)
def test_readings_of_a_clock(line, positions):
    found, count = readings(line)
    assert found == [at for at in positions if at < count]


@pytest.mark.parametrize("line", NO_CLOCKS)
def test_claims_about_the_training(line):
    found, count = readings(line)
    assert found == []
    assert count > 0


def test_a_hash_in_the_line_is_part_of_the_line():
    assert is_clock_reading("run #{} took {}#1")
    assert not is_clock_reading("run #{} took {}#0")


def test_a_position_that_the_line_does_not_have_is_no_reading():
    assert not is_clock_reading("took {}#1")


@pytest.mark.parametrize(
    ("name", "is_clock"),
    [
        ("train/tokens_per_second", True),
        ("iter_time", True),
        ("_runtime", True),
        ("_timestamp", True),
        ("perf/mfu", True),
        ("iter_time_ms", True),
        ("time/forward", True),
        ("TrainTime", True),
        ("throughput", True),
        ("val/loss", False),
        ("time_step", False),
        ("timestep", False),
        ("tokens_seen", False),
        ("learning_rate", False),
        ("lifetime", False),
        ("", False),
    ],
)
def test_tracked_readings_of_a_clock(name, is_clock):
    assert is_clock_metric(name) is is_clock
