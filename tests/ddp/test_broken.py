"""Ranks that wait for ever, fail, hang or leave: found at once, explained, and nobody is left behind."""

import json
import os
import re
import sys
from pathlib import Path

import pytest

from parity.record.launch import Recording, record
from parity.record.processes import Launcher, start_fresh
from parity.record.warm.launcher import WarmLauncher
from parity.trace.store import read_trace
from tests.e2e.programs import ROOT, SCRIPTS, parity

BROKEN = SCRIPTS / "worlds" / "broken.py"
SITE = r"[\w/.]*broken\.py:\d+ in \w+|[\w/.]*broken\.py:\d+ in <module>"


def run(way: str, place: Path, launcher: Launcher, **options: float) -> tuple[int, str]:
    """The status of the program and what was complained, with places in it as SITE."""
    recording = Recording(world=2, engine="baton", environment={"OMP_NUM_THREADS": "1"}, **options)
    words = [sys.executable, str(BROKEN), way]
    status = record(words, place, recording, streams=False, launcher=launcher)
    assert not (place / "ranks.table").exists()
    return status, re.sub(SITE, "SITE", (place / "stderr.txt").read_text(encoding="utf-8"))


def left_over(place: Path) -> list[str]:
    """Processes of the run that still exist."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                environment = (process / "environ").read_bytes()
            except OSError:
                continue
            if str(place).encode() in environment and process.name != str(os.getpid()):
                found.append(process.name)
    return found


DEADLOCKS = {
    "different": (
        "rank 0: all_reduce of 4,096 bytes at SITE",
        "rank 1: broadcast of 4,096 bytes at SITE",
        "deadlock: ranks have issued different collectives as number 7 of the same group",
    ),
    "groups": (
        "rank 0: waits in barrier at SITE for rank 1",
        "rank 1: waits in barrier at SITE for rank 0",
        "deadlock: ranks wait for one another for ever",
    ),
    "master-only": (
        "rank 0: barrier at SITE",
        "rank 1: all_reduce of 20 bytes at SITE",
        "deadlock: ranks have issued different collectives as number 7 of the same group",
    ),
    "backward": (
        "rank 0: waits in new_group at SITE for rank 1",
        "rank 1: waits in all_reduce of 20 bytes at SITE for rank 0",
        "deadlock: ranks wait for one another for ever",
    ),
    "receives": (
        "rank 0: waits in recv from rank 1 at SITE for rank 1",
        "rank 1: waits in recv from rank 0 at SITE for rank 0",
        "deadlock: ranks wait for one another for ever",
    ),
    "early": (
        "rank 0: waits in init_process_group at SITE for rank 1 (rank 1 ended)",
        "deadlock: ranks wait for rank 1, already ended",
    ),
}


@pytest.mark.parametrize("way", DEADLOCKS)
def test_a_deadlock_says_what_each_rank_waits_for_and_where(way: str, warm: WarmLauncher, tmp_path: Path) -> None:
    status, said = run(way, tmp_path, warm)
    *lines, title = DEADLOCKS[way]
    assert said.splitlines()[-len(lines) - 1 :] == [*lines, f"parity: {title}; all ranks were ended"]
    assert status == 1
    assert left_over(tmp_path) == []


FAILURES = {
    "raises": (
        1,
        r"rank 1 of 2 failed with status 1 in update 1, phase after the step(; rank 0 ended with it)?: ValueError: .*",
    ),
    "status": (7, r"rank 1 of 2 failed with status 7 in update 1, phase after the step(; rank 0 ended with it)?"),
    "killed": (-9, r"rank 1 of 2 was ended by SIGKILL in update 1, phase after the step(; rank 0 ended with it)?"),
    "gone": (
        1,
        r"(rank 0 of 2 failed .*phase backward|deadlock): ranks wait for rank 1, already ended(; all .*)?",
    ),
}


@pytest.mark.parametrize("way", FAILURES)
def test_the_rank_that_failed_first_is_named_and_the_others_are_ended(
    way: str, warm: WarmLauncher, tmp_path: Path
) -> None:
    status, said = run(way, tmp_path, warm)
    expected, pattern = FAILURES[way]
    assert re.fullmatch(f"parity: ({pattern})", said.splitlines()[-1]), said
    assert status == expected
    assert left_over(tmp_path) == []


def test_the_traceback_of_another_rank_than_0_is_shown(warm: WarmLauncher, tmp_path: Path) -> None:
    _, said = run("raises", tmp_path, warm)
    assert "[rank1]: ValueError: rank 1 has had enough\n" in said
    assert "in deepest" in said
    trace = read_trace(tmp_path)
    assert trace.rank(1).get("exception").values.tolist() == ["ValueError: rank 1 has had enough"]


def test_ranks_that_bring_different_sizes_are_told_apart(warm: WarmLauncher, tmp_path: Path) -> None:
    status, said = run("sizes", tmp_path, warm)
    assert status != 0
    assert "rank 0: all_reduce of 4,096 bytes at SITE\nrank 1: all_reduce of 16 bytes at SITE\n" in said


def test_a_rank_that_hangs_is_named_and_says_where_it_is(warm: WarmLauncher, tmp_path: Path) -> None:
    """It ignores SIGTERM, too."""
    status, said = run("hangs", tmp_path, warm, timeout=2)
    assert status == 1
    assert "rank 0: in update 2, phase backward, waiting in all_reduce of 20 bytes at SITE\n" in said
    assert 'broken.py", line' in said
    assert said.endswith("parity: rank 1 hangs: no rank has moved for 2 s; all ranks were ended\n")
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("way", ["slow", "turns", "parts"])
def test_ranks_that_only_take_their_time_are_left_alone(way: str, warm: WarmLauncher, tmp_path: Path) -> None:
    """Slower than a deadlock takes to be confirmed; groups used in different orders; a world of some ranks."""
    assert run(way, tmp_path, warm) == (0, "")


def test_a_fresh_start_is_watched_like_a_warm_one(tmp_path: Path) -> None:
    status, said = run("receives", tmp_path, start_fresh)
    assert status == 1
    assert said.splitlines()[-1] == "parity: deadlock: ranks wait for one another for ever; all ranks were ended"
    assert json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))["launch"] == "fresh"


@pytest.mark.parametrize(
    ("ways", "status", "said"),
    [
        (("receives", "slow"), 4, "parity: the reference ended with status 1"),
        (("slow", "receives"), 1, ""),
    ],
)
def test_a_deadlock_is_the_failure_of_that_side(ways: tuple[str, str], status: int, said: str, tmp_path: Path) -> None:
    sides = [f"{sys.executable} {BROKEN} {way}" for way in ways]
    options = ["--world", "2", "--engine", "baton", "--no-rerun", "-o", str(tmp_path)]
    done = parity("compare", *sides, *options, cwd=ROOT)
    complaint = done.stderr.decode()
    assert done.returncode == status, complaint
    assert said in complaint
    assert "deadlock: ranks wait for one another for ever" in complaint + done.stdout.decode()
