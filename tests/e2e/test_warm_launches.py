"""A program that starts in a copy of a warm process does, sees and leaves what it does in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from parity.compare.engine import compare
from parity.errors import LaunchServerError
from parity.record.launch import Recording, record
from parity.record.processes import Launcher, Program, start_fresh
from parity.record.warm.launcher import WarmLauncher
from parity.trace.model import Trace
from parity.trace.store import read_trace
from tests.e2e.programs import ROOT, SCRIPTS, TINY

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs start warm on Linux only")
ENVIRONMENT = {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmLauncher]:
    with pytest.MonkeyPatch.context() as patch, WarmLauncher() as launcher:
        patch.delenv("PYTHONUNBUFFERED", raising=False)
        yield launcher


def run(words: list[str], place: Path, launcher: Launcher, directory: Path = SCRIPTS, **recording: object) -> Trace:
    record(
        [sys.executable, *words],
        place,
        Recording(environment=ENVIRONMENT, **recording),
        directory=directory,
        streams=False,
        launcher=launcher,
    )
    return read_trace(place)


def both(words: list[str], place: Path, warm: WarmLauncher, **options: object) -> tuple[Trace, Trace]:
    """The traces of a fresh and of a warm start, which are checked to be what they claim."""
    fresh = run(words, place / "fresh", start_fresh, **options)
    copied = run(words, place / "warm", warm, **options)
    assert [trace.manifest["launch"] for trace in (fresh, copied)] == ["fresh", "warm"]
    return fresh, copied


def output(trace: Trace) -> tuple[int | None, bytes, bytes]:
    return trace.exit_status, *((trace.directory / name).read_bytes() for name in ("stdout.txt", "stderr.txt"))


def told(trace: Trace) -> list[bytes]:
    """What the program told when it ended."""
    # Two calls of C lie below a copy, which count for how deep it can recurse.
    return [re.sub(rb"repeated 99\d", b"repeated", str(part).encode()) for part in output(trace)]


def contents(trace: Trace) -> dict[object, list[bytes]]:
    """Every value of every series."""
    return {
        (process.rank, key): [series.updates.tobytes(), np.asarray(series.values).astype(str).tobytes()]
        for process in trace.processes
        for key, series in process.series.items()
    }


def without_addresses(text: bytes) -> bytes:
    return re.sub(rb"0x[0-9a-f]+", b"", text)


@pytest.mark.parametrize(
    ("arguments", "recording"),
    [
        ([], {}),
        (["--random-data=numpy"], {"seed": 3}),
        (["--random-data=numpy-generator"], {"seed": 3}),
        (["--random-data=python"], {"seed": 3}),
        (["--steps=1000"], {"updates": 2}),
        (["--raise-at=3"], {}),
        (["--lr=no-number"], {}),
        (["--exit-at=2", "--exit-status=7"], {}),
        (["--kill-at=3"], {}),
        (["--kill-at=3", "--signal=SIGTERM"], {}),
        (["--kill-at=3", "--signal=SIGINT"], {}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value or ""),
)
def test_training_output_end_and_trace_are_the_same(
    arguments: list[str], recording: dict[str, object], warm: WarmLauncher, tmp_path: Path
) -> None:
    fresh, copied = both([str(TINY), *arguments], tmp_path, warm, **recording)
    assert output(copied) == output(fresh)
    assert contents(copied) == contents(fresh)
    assert compare(fresh, copied).measurements == ()
    same = {name: value for name, value in fresh.manifest.items() if name != "launch"}
    assert {name: value for name, value in copied.manifest.items() if name != "launch"} == same


WAYS = (
    *("success", "exit-message", "exit-none", "exit-large", "exit-object", "_exit", "segfault", "abort", "chained"),
    *("stop", "attribute", "interrupt", "hook", "broken-hook", "recursion", "warning", "thread", "torch"),
    *("SIGKILL", "SIGTERM", "SIGHUP", "SIGPIPE", "SIGALRM"),
)


@pytest.mark.parametrize("way", WAYS)
def test_every_end_is_that_of_a_process_of_its_own_and_the_server_survives(
    way: str, warm: WarmLauncher, tmp_path: Path
) -> None:
    fresh, copied = both(["crashes.py", way], tmp_path, warm)
    assert told(copied) == told(fresh)
    assert run([str(TINY), "--steps=1"], tmp_path / "after", warm).manifest["launch"] == "warm"


@pytest.mark.parametrize(
    "words",
    [
        ["surroundings.py", "out.json"],
        ["./surroundings.py", "out.json"],
        ["../scripts/surroundings.py", "out.json", "--flag", "a b"],
        [str(SCRIPTS / "surroundings.py"), "out.json"],
        ["link.py", "out.json"],
        ["-m", "surroundings", "out.json", "-x"],
    ],
    ids=" ".join,
)
def test_a_program_sees_the_same(words: list[str], warm: WarmLauncher, tmp_path: Path) -> None:
    place = tmp_path / "scripts"
    place.mkdir()
    (place / "surroundings.py").write_bytes((SCRIPTS / "surroundings.py").read_bytes())
    (tmp_path / "link.py").symlink_to(place / "surroundings.py")
    (place / "link.py").symlink_to(tmp_path / "link.py")
    seen = []
    for name, launcher in (("fresh", start_fresh), ("warm", warm)):
        trace = run(words, tmp_path / name, launcher, directory=place)
        assert trace.exit_status == 0, output(trace)
        assert trace.manifest["launch"] == name
        seen.append(json.loads((place / "out.json").read_text(encoding="utf-8")))
    assert seen[0].keys() == seen[1].keys()
    for stage in seen[0]:
        assert seen[1][stage] == seen[0][stage], stage


def test_workers_and_pickles_work(warm: WarmLauncher, tmp_path: Path) -> None:
    fresh, copied = both(["children_at_work.py"], tmp_path, warm)
    assert output(copied) == output(fresh)
    assert fresh.exit_status == 0
    assert len(list(copied.directory.glob("*.trace"))) == len(list(fresh.directory.glob("*.trace")))
    assert compare(fresh, copied).measurements == ()


def test_generators_that_nobody_seeds_differ_from_run_to_run(warm: WarmLauncher, tmp_path: Path) -> None:
    runs = [output(run(["unseeded.py"], tmp_path / name, warm))[1].split() for name in ("first", "second")]
    assert len(runs[0]) == len(runs[1]) == 5
    assert not set(runs[0]) & set(runs[1])


def test_a_program_that_never_imports_torch_is_recognised(warm: WarmLauncher, tmp_path: Path) -> None:
    fresh, copied = both(["no_torch.py"], tmp_path, warm)
    assert output(copied) == output(fresh)
    assert copied.processes == fresh.processes == ()


def test_a_module_that_exists_but_is_only_asked_for_is_not_loaded(warm: WarmLauncher, tmp_path: Path) -> None:
    asks = tmp_path / "asks.py"
    asks.write_text(
        "import importlib.util, sys\n"
        "spec = importlib.util.find_spec('torch')\n"
        "print(spec.name, spec.origin, spec.submodule_search_locations, spec.has_location, 'torch' in sys.modules)\n"
        "import torch\n"
        "print(torch.__spec__.origin == spec.origin, torch.__loader__, torch.__spec__.loader)\n"
        f"exec(open({str(TINY)!r}).read())\n",
        encoding="utf-8",
    )
    fresh, copied = both([str(asks)], tmp_path, warm)
    assert without_addresses(output(copied)[1]) == without_addresses(output(fresh)[1])
    assert fresh.processes[0].updates == copied.processes[0].updates == 6


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("queue.py", "raise RuntimeError('a module of the program')", ["main.py"]),
        ("main.py", "print('\\d')\n'a' is 'b'\n", ["main.py"]),
        ("main.py", "print(\n", ["main.py"]),
        ("main.py", "print(1)\n", ["-u", "main.py"]),
        ("__main__.py", "print(1)\n", ["."]),
        ("main.py", "", ["-c", "print(1)"]),
    ],
    ids=["shadow", "warning", "syntax", "flag", "folder", "command"],
)
def test_what_may_differ_starts_afresh(
    name: str, content: str, words: list[str], warm: WarmLauncher, tmp_path: Path
) -> None:
    (tmp_path / "main.py").write_text("import queue\n", encoding="utf-8")
    (tmp_path / name).write_text(content, encoding="utf-8")
    trace = run(words, tmp_path / "trace", warm, directory=tmp_path)
    assert trace.manifest["launch"] == "fresh"
    assert output(trace) == output(run(words, tmp_path / "again", start_fresh, directory=tmp_path))


@pytest.mark.parametrize(("engine", "launch"), [("gloo", "fresh"), ("baton", "warm")])
def test_ranks_start_warm_where_each_is_started_alone(
    engine: str, launch: str, warm: WarmLauncher, tmp_path: Path
) -> None:
    assert run(["ddp.py"], tmp_path / "trace", warm, world=2, engine=engine).manifest["launch"] == launch


def test_another_environment_gets_another_server(tmp_path: Path) -> None:
    program = tmp_path / "main.py"
    program.write_text("import os\nprint(os.environ['OMP_NUM_THREADS'], os.getppid())\n", encoding="utf-8")
    seen = []
    with WarmLauncher() as launcher:
        for number, threads in enumerate(["1", "1", "2"]):
            recording = Recording(environment={"OMP_NUM_THREADS": threads})
            place = tmp_path / str(number)
            record([sys.executable, str(program)], place, recording, streams=False, launcher=launcher)
            seen.append(output(read_trace(place))[1].split())
    assert [threads for threads, _ in seen] == [b"1", b"1", b"2"]
    assert seen[0] == seen[1] != seen[2]


def test_a_running_program_is_signalled_polled_and_waited_for(warm: WarmLauncher, tmp_path: Path) -> None:
    waits = tmp_path / "waits.py"
    waits.write_text("import time\nprint('ready', flush=True)\ntime.sleep(100)\n", encoding="utf-8")
    environment = {**os.environ, **ENVIRONMENT}
    environment["PARITY_RECORD"] = json.dumps({"directory": str(tmp_path), "package": str(ROOT / "parity")})
    environment["PYTHONPATH"] = str(ROOT / "parity/record/boot")
    with (tmp_path / "out").open("wb") as out:
        program = Program(
            words=(sys.executable, str(waits)),
            directory=tmp_path,
            environment=environment,
            output=(out.fileno(), out.fileno()),
        )
        processes = [warm(program), warm(program)]
    assert not any(isinstance(process, subprocess.Popen) for process in processes)
    while (tmp_path / "out").read_bytes().count(b"ready") < 2:
        time.sleep(0.01)
    assert [process.poll() for process in processes] == [None, None]
    with pytest.raises(subprocess.TimeoutExpired):
        processes[0].wait(timeout=0.05)
    processes[0].send_signal(signal.SIGTERM)
    assert processes[0].wait(timeout=30) == processes[0].wait() == processes[0].poll() == -signal.SIGTERM
    processes[0].send_signal(signal.SIGTERM)
    assert processes[1].poll() is None
    processes[1].kill()
    assert processes[1].wait() == -signal.SIGKILL


PARENT = """
import os, sys
from pathlib import Path
from parity.record.launch import Recording, record
from parity.record.warm.launcher import WarmLauncher
with WarmLauncher() as launcher:
    for number in range(2):
        place = Path(sys.argv[2]) / str(number)
        record([sys.executable, sys.argv[1]], place, Recording(), streams=False, launcher=launcher)
        parent = (place / "stdout.txt").read_text().strip()
        print(parent, flush=True)
        if len(sys.argv) > 3 and number == 0:
            os.kill(int(parent), 9)
    os.kill(os.getpid(), 9)
"""


def parent_of(program: str, place: Path, *arguments: str) -> list[int]:
    script = place / "program.py"
    script.write_text(program, encoding="utf-8")
    words = [sys.executable, "-c", PARENT, str(script), str(place / "traces"), *arguments]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, check=False, env={**os.environ, **ENVIRONMENT})
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    return [int(line) for line in done.stdout.split()]


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_no_server_outlives_its_parent(tmp_path: Path) -> None:
    servers = parent_of("import os\nprint(os.getppid())\n", tmp_path)
    assert servers[0] == servers[1]
    deadline = time.monotonic() + 30
    while alive(servers[0]) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(servers[0])


def test_a_server_that_was_killed_is_done_without(tmp_path: Path) -> None:
    first, second = parent_of("import os\nprint(os.getppid())\n", tmp_path, "kill the server")
    assert first != second
    assert json.loads((tmp_path / "traces/1/manifest.json").read_text(encoding="utf-8"))["launch"] == "fresh"


def test_a_server_that_ends_while_a_program_runs_is_an_explained_error(tmp_path: Path) -> None:
    program = tmp_path / "kills.py"
    program.write_text("import os\nos.kill(os.getppid(), 9)\n", encoding="utf-8")
    with WarmLauncher() as launcher, pytest.raises(LaunchServerError, match="--fresh"):
        run([str(program)], tmp_path / "trace", launcher)
