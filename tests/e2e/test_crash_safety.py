"""Whatever ends a recorded program, its trace reads up to the last update; whatever stops the disk, it goes on."""

import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from parity.trace.channels import Phase, Role
from parity.trace.model import Process, Trace
from parity.trace.store import read_trace
from tests.e2e.programs import ROOT, SCRIPTS, TINY, run
from tests.unit.trace.trace_files import bits_in

STEPS = 400
KILLS = 8
LOST = SCRIPTS / "loses_its_trace.py"
PROGRAM = [sys.executable, str(TINY), f"--steps={STEPS}"]
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def recording(trace: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "parity.cli", "record", "-o", str(trace), "--", *words]


def started(trace: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        recording(trace, *words),
        env={**os.environ, **ENVIRONMENT},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def program_of(launcher: subprocess.Popen[str]) -> int:
    """The process that the launcher has started, as soon as there is one."""
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children")
    while launcher.poll() is None:
        found = children.read_text(encoding="ascii").split()
        if found:
            return int(found[0])
        time.sleep(0.005)
    raise AssertionError("the launcher ended before it started the program")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Process:
    """What the uninterrupted program leaves behind."""
    trace = tmp_path_factory.mktemp("whole")
    assert run(recording(trace, *PROGRAM), cwd=ROOT, **ENVIRONMENT).returncode == 0
    process = read_trace(trace).processes[0]
    assert process.updates == STEPS
    return process


def killed(trace: Path, number: int) -> tuple[Trace, int]:
    """Kill the program at a random moment; return what is left and how many lines it had printed until then.

    The first two die while they start, some before their trace exists; the others somewhere in their training.
    """
    chance = random.Random(number)
    lines = 0
    with started(trace, *PROGRAM) as launcher:
        program = program_of(launcher)
        assert launcher.stdout is not None
        if number < 2:
            time.sleep(chance.uniform(0.0, 1.5))
        else:
            lines += launcher.stdout.readline().startswith("step")
            time.sleep(chance.uniform(0.0, 0.3))
        os.kill(program, signal.SIGKILL)
        lines += sum(line.startswith("step") and line.endswith("\n") for line in launcher.stdout)
    assert launcher.returncode == 128 + signal.SIGKILL
    return read_trace(trace), lines


def assert_prefix(part: Process, whole: Process, lines: int) -> None:
    """``part`` holds nothing but the beginning of ``whole``, and at least every update whose line was printed."""
    assert part.sealed is None
    for key, series in part.series.items():
        assert bits_in(series) == bits_in(whole.series[key])[: len(series)], key
        assert series.updates.tolist() == whole.series[key].updates.tolist()[: len(series)], key
    assert part.sketches is not None
    assert whole.sketches is not None
    scheduled = whole.sketches.updates()
    assert part.sketches.updates() == scheduled[: len(part.sketches.updates())]
    assert set(part.sketches.updates()) >= {update for update in scheduled if update < lines}
    for key, series in whole.series.items():
        if series.channel.phase < Phase.LOG:
            kept = part.get(*key)
            # What is counted over an update for context is known only when the next one begins.
            done = lines if series.channel.role is Role.BEHAVIOUR else lines - 1
            assert (0 if kept is None else len(kept)) >= len(series.before(done)), (key, lines)


def test_a_program_killed_at_any_moment_leaves_all_that_it_had_done(whole: Process, tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda number: killed(tmp_path / str(number), number), range(KILLS)))
    for trace, lines in found:
        assert trace.exit_status == -signal.SIGKILL
        assert trace.processes or not lines
        for process in trace.processes:
            assert_prefix(process, whole, lines)
    cut = [lines for _, lines in found if 0 < lines < STEPS]
    assert len(set(cut)) > KILLS // 2, "the kills did not come at different moments"


def test_the_program_outlives_a_killed_launcher(whole: Process, tmp_path: Path) -> None:
    with started(tmp_path / "run", *PROGRAM) as launcher:
        assert launcher.stdout is not None
        launcher.stdout.readline()
        launcher.kill()
        assert sum(1 for _ in launcher.stdout) == STEPS - 1
    trace = read_trace(tmp_path / "run")
    assert trace.exit_status is None
    assert {key: bits_in(one) for key, one in trace.processes[0].series.items() if key[0] == "parameter"} == {
        key: bits_in(one) for key, one in whole.series.items() if key[0] == "parameter"
    }


def test_a_full_disk_stops_the_recording_and_not_the_program(tmp_path: Path) -> None:
    words = [sys.executable, str(TINY), "--steps=60"]
    bare = run(words, cwd=tmp_path)
    done = subprocess.run(
        recording(tmp_path / "run", *words),
        env={**os.environ, **ENVIRONMENT, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000)),
    )
    assert (done.returncode, done.stdout) == (0, bare.stdout)
    said = re.findall(rb"parity: recording stopped.*", done.stderr)
    assert len(said) == 1
    assert b"File too large" in said[0]
    assert b"the program goes on" in said[0]
    (process,) = read_trace(tmp_path / "run").processes
    assert process.sealed is None
    assert 5 < process.updates < 60


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nowhere"])
def test_a_directory_that_cannot_be_written_is_refused_before_the_program_starts(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    done = run(recording(tmp_path / place, *PROGRAM), cwd=tmp_path, **ENVIRONMENT)
    first, second = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout) == (2, b"")
    assert first.startswith(f"parity: a trace cannot be written in {tmp_path / place} (")
    assert second.endswith("parity help trace-unwritable")


@pytest.mark.parametrize(
    ("step", "says"), [(0, b"parity: recording stopped"), (3, b"parity: the exit status is not recorded")]
)
def test_a_directory_removed_while_the_program_runs_does_not_disturb_it(step: int, says: bytes, tmp_path: Path) -> None:
    words = [sys.executable, str(LOST), str(tmp_path / "run"), str(step)]
    bare = run(words, cwd=tmp_path)
    done = run(recording(tmp_path / "run", *words), cwd=tmp_path, **ENVIRONMENT)
    assert (done.returncode, done.stdout) == (bare.returncode, bare.stdout) == (5, bare.stdout)
    assert done.stderr.count(says) == 1
    assert b"Traceback" not in done.stderr
    assert b"recorded in" not in done.stderr


def test_an_update_is_safe_as_soon_as_it_is_done(tmp_path: Path) -> None:
    """Nothing that is printed helps here: the end of the step alone hands the update over."""
    words = [sys.executable, str(TINY), "--kill-at=3"]
    recorded = recording(tmp_path / "run", *words)
    recorded.insert(recorded.index("--"), "--without=printing")
    assert run(recorded, cwd=tmp_path, **ENVIRONMENT).returncode == 128 + signal.SIGKILL
    (process,) = read_trace(tmp_path / "run").processes
    assert {series.updates[-1] for series in process.channel("parameter")} == {2}
