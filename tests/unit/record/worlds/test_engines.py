import sys

import pytest

from parity.errors import UsageError
from parity.record.worlds import engines
from parity.record.worlds.engines import ENGINES, NAMES, choose, count_gpus, hidden_gpus
from parity.record.worlds.places import RANK_VARIABLES, rank_environment
from parity.verbs import options

PYTHON = [sys.executable, "train.py"]


@pytest.mark.parametrize(
    ("devices", "visible", "number"),
    [
        ([], None, 0),
        (["nvidiactl", "nvidia-uvm", "nvidia0", "nvidia1", "null"], None, 2),
        (["nvidia0", "nvidia1"], "", 0),
        (["nvidia0", "nvidia1"], "-1", 0),
        (["nvidia0", "nvidia1"], "1", 1),
        (["nvidia0", "nvidia1"], "0,-1,1", 1),
        (["nvidia0"], "0,1", 1),
        (["nvidia0", "nvidia1", "nvidia2"], "GPU-abc,GPU-def", 2),
    ],
)
def test_gpus_that_a_program_may_use(devices, visible, number):
    assert count_gpus(devices, visible) == number


@pytest.mark.parametrize(
    ("name", "words", "gpus", "chosen"),
    [
        ("auto", PYTHON, 0, "baton"),
        ("auto", PYTHON, 1, "baton"),
        ("auto", PYTHON, 2, "nccl"),
        ("auto", ["bash", "train.sh"], 0, "gloo"),
        ("auto", [sys.executable, "-m", "torch.distributed.run", "train.py"], 0, "gloo"),
        ("gloo", PYTHON, 2, "gloo"),
        ("baton", PYTHON, 2, "baton"),
        ("fake", PYTHON, 0, "fake"),
    ],
)
def test_choices(name, words, gpus, chosen, monkeypatch):
    monkeypatch.setattr(engines, "_devices", lambda: [f"nvidia{number}" for number in range(gpus)])
    assert choose(name, words, 2, {}).name == chosen


def test_nccl_needs_a_gpu_for_each_rank(monkeypatch):
    monkeypatch.setattr(engines, "_devices", lambda: ["nvidia0", "nvidia1"])
    assert choose("nccl", PYTHON, 2, {}).name == "nccl"
    with pytest.raises(UsageError, match="a GPU for each of 2 ranks, and finds 1; use --engine baton or gloo"):
        choose("nccl", PYTHON, 2, {"CUDA_VISIBLE_DEVICES": "0"})


@pytest.mark.parametrize(
    ("name", "gpus", "hidden"),
    [("baton", 0, False), ("baton", 1, True), ("gloo", 1, True), ("baton", 2, False), ("fake", 1, False)],
)
def test_gpus_that_do_not_suffice_are_hidden(name, gpus, hidden, monkeypatch):
    """Two ranks of a program that asks for a GPU each would find one, and fail."""
    monkeypatch.setattr(engines, "_devices", lambda: [f"nvidia{number}" for number in range(gpus)])
    assert hidden_gpus(ENGINES[name], 2, {}) == ({"CUDA_VISIBLE_DEVICES": ""} if hidden else {})
    assert hidden_gpus(ENGINES[name], 2, {"CUDA_VISIBLE_DEVICES": ""}) == {}


def test_an_unknown_engine_is_refused():
    with pytest.raises(UsageError, match="'mpi'; expected one of auto, baton, gloo"):
        choose("mpi", PYTHON, 2, {})


def test_the_command_line_offers_every_engine():
    assert set(options.ENGINES) == set(NAMES)


def test_every_rank_knows_its_place():
    environment = rank_environment(2, 4, 1234)
    assert tuple(environment) == RANK_VARIABLES
    assert (environment["RANK"], environment["LOCAL_RANK"], environment["WORLD_SIZE"]) == ("2", "2", "4")
    assert (environment["LOCAL_WORLD_SIZE"], environment["MASTER_PORT"]) == ("4", "1234")
