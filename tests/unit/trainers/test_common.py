"""The small parts that families share: accumulation, worlds, files, signals, clocks."""

import json
import os
import signal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.common import checkpoint, resume
from trainers.common.accumulation import gradient_exchange, micro_steps_per_process
from trainers.common.distributed import World, any_process, read_world, select_device
from trainers.common.errors import CheckpointError, ConfigError, TrainerError
from trainers.common.metrics import RunningUtilisation, VideoMemory, read_video_memory
from trainers.common.run_log import RunLog
from trainers.common.seeding import private_generator, seed_torch
from trainers.common.signals import ShutdownFlag
from trainers.common.timing import SectionTimer

ALONE = World(rank=0, local_rank=0, size=1, is_distributed=False)


@given(per_process=st.integers(1, 1000), world_size=st.integers(1, 64), excess=st.integers(0, 63))
def test_micro_steps_are_shared_evenly_or_not_at_all(per_process, world_size, excess):
    total = per_process * world_size + excess % world_size
    if excess % world_size == 0:
        assert micro_steps_per_process(total, world_size=world_size) == per_process
    else:
        with pytest.raises(ConfigError, match=f"gradient_accumulation_steps is {total}"):
            micro_steps_per_process(total, world_size=world_size)


def test_a_single_process_exchanges_nothing():
    with gradient_exchange(torch.nn.Linear(1, 1), is_last=False) as nothing:
        assert nothing is None


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ALONE),
        ({"WORLD_SIZE": "4"}, ALONE),
        (
            {"RANK": "5", "LOCAL_RANK": "1", "WORLD_SIZE": "8"},
            World(rank=5, local_rank=1, size=8, is_distributed=True),
        ),
        (
            {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"},
            World(rank=0, local_rank=0, size=1, is_distributed=True),
        ),
    ],
)
def test_the_world_is_read_from_the_environment(environment, expected):
    assert read_world(environment) == expected
    assert expected.is_master == (expected.rank == 0)


@pytest.mark.parametrize("flag", [False, True])
def test_processes_agree(flag, tmp_path):
    device = torch.device("cpu")
    assert any_process(flag, ALONE, device=device) is flag
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'meeting'}", rank=0, world_size=1)
    try:
        world = World(rank=0, local_rank=0, size=1, is_distributed=True)
        assert any_process(flag, world, device=device) is flag
    finally:
        torch.distributed.destroy_process_group()


def test_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert select_device("cpu", ALONE) == torch.device("cpu")
    with pytest.raises(ConfigError, match="--device=cpu"):
        select_device("cuda:1", ALONE)
    with pytest.raises(ConfigError, match="'abacus'"):
        select_device("abacus", ALONE)


def test_ranks_draw_different_numbers_and_seeds_repeat_them():
    draws = []
    for seed, rank in ((1337, 0), (1337, 1), (1336, 1)):
        seed_torch(seed, rank=rank)
        draws.append((torch.rand(1).item(), private_generator(seed, rank=rank).random()))
    assert draws[0] != draws[1]
    assert draws[0] == draws[2]  # the rank is added to the seed


def test_a_checkpoint_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "ckpt.pt"
    checkpoint.save_atomically({"iter_num": 1}, path)
    assert [file.name for file in tmp_path.iterdir()] == ["ckpt.pt"]

    def fail_half_way(content, file):
        file.write_bytes(b"half a checkpoint")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail_half_way)
    with pytest.raises(OSError, match="disk full"):
        checkpoint.save_atomically({"iter_num": 2}, path)
    assert checkpoint.load_checkpoint(path, device=torch.device("cpu")) == {"iter_num": 1}


def test_a_missing_checkpoint_is_an_error_that_helps(tmp_path):
    with pytest.raises(CheckpointError, match=r"ckpt\.pt.*--init_from=scratch"):
        checkpoint.load_checkpoint(tmp_path / "ckpt.pt", device=torch.device("cpu"))
    assert issubclass(CheckpointError, TrainerError)


def test_the_first_save_marks_the_directory_and_later_ones_leave_it(tmp_path):
    assert not resume.has_marker(tmp_path)
    resume.mark_for_resume(tmp_path, run_name="gpt2_20260101_000000")
    assert resume.has_marker(tmp_path)
    assert json.loads((tmp_path / "auto_resume_config.json").read_text()) == {"init_from": "resume"}
    assert (tmp_path / ".auto_resume").read_text() == "init_from=resume\nfinal_wandb_run_name=gpt2_20260101_000000\n"
    (tmp_path / "auto_resume_config.json").write_text("mine")
    resume.mark_for_resume(tmp_path, run_name=None)
    assert (tmp_path / "auto_resume_config.json").read_text() == "mine"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_raises_the_flag_and_handlers_come_back(number):
    before = signal.getsignal(number)
    flag = ShutdownFlag()
    with flag.listen():
        assert not flag.requested
        os.kill(os.getpid(), number)
        assert flag.requested
    assert signal.getsignal(number) is before


def test_utilisation_waits_for_five_iterations_and_then_averages():
    utilisation = RunningUtilisation(flops_per_sequence=121_000_000_000, sequences_per_iteration=10)
    for local_iteration in range(5):
        utilisation.add(local_iteration=local_iteration, seconds=1.0)
    assert utilisation.fraction == 0.0
    utilisation.add(local_iteration=5, seconds=0.1)
    assert utilisation.fraction == pytest.approx(0.1)
    utilisation.add(local_iteration=6, seconds=0.05)
    assert utilisation.fraction == pytest.approx(0.9 * 0.1 + 0.1 * 0.2)


def test_memory_is_zero_without_a_gpu():
    assert read_video_memory(torch.device("cpu")) == VideoMemory(used_gigabytes=0.0, total_gigabytes=0.0)
    assert read_video_memory(torch.device("cpu")).percent == 0.0
    assert VideoMemory(used_gigabytes=2.0, total_gigabytes=8.0).percent == 25.0


def test_sections_nest_and_are_averaged_once_per_iteration():
    now = [0.0]
    timer = SectionTimer(lambda: now[0])
    for step in (1.0, 2.0):
        with timer.section("outer"):
            for _ in range(3):
                with timer.section("inner"):
                    now[0] += step
            now[0] += 1.0
        timer.end_iteration()
    assert timer.averages() == {
        "outer": pytest.approx(0.9 * 4.0 + 0.1 * 7.0),
        "outer/inner": pytest.approx(0.9 * 3.0 + 0.1 * 6.0),
    }


def test_the_log_file_is_readable_while_the_run_goes_on(tmp_path, capsys):
    with RunLog(tmp_path / "logs", clock=lambda: 86400.0) as log:
        log.write_config({"b": 1, "a": "x"})
        log.event("step 0")
        (file,) = (tmp_path / "logs").iterdir()
        lines = [line.partition("] ")[2] for line in file.read_text().splitlines()]
    assert file.name.startswith("log_run_19700")
    assert lines[1:] == ["config a = 'x'", "config b = 1", "step 0"]
    assert capsys.readouterr().out == "step 0\n"


def test_without_a_directory_events_are_printed_only(capsys):
    with RunLog(None) as log:
        log.write("nowhere")
        log.event("somewhere")
    assert capsys.readouterr().out == "somewhere\n"
