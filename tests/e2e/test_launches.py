"""Every way in which training programs are started leaves a trace."""

import importlib.util
import os
import shlex
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from parity.errors import IsolatedInterpreterError, TeardownAbortError
from parity.record import pth
from parity.record.launch import Recording, record
from parity.record.teardown import REMARK
from parity.run.conclusion import require_candidate, require_reference
from parity.run.plan import Scenario, Side
from parity.run.session import run_side
from parity.trace.model import Trace
from parity.trace.store import read_trace
from tests.e2e.programs import ROOT, SCRIPTS, TINY, parity

PYTHON = sys.executable
TORCHRUN = [str(Path(PYTHON).parent / "torchrun"), "--standalone"]
ACCELERATE = [str(Path(PYTHON).parent / "accelerate"), "launch", "--num_machines=1", "--mixed_precision=no"]
CODE = f"import runpy; runpy.run_path({str(TINY)!r}, run_name='__main__')"
RECORDING = Recording(environment={"OMP_NUM_THREADS": "1"})


def recorded(words: list[str], place: Path) -> Trace:
    record(words, place, RECORDING, directory=SCRIPTS, streams=False)
    return read_trace(place)


@pytest.mark.parametrize(
    ("words", "updates"),
    [
        ([PYTHON, "tiny.py"], [6]),
        ([PYTHON, "-u", "-W", "ignore", "-X", "faulthandler", "tiny.py"], [6]),
        ([PYTHON, "-O", str(TINY), "--steps=2"], [2]),
        ([PYTHON, "-m", "tiny"], [6]),
        ([PYTHON, "-m", "package_program"], [6]),
        ([PYTHON, "package_program"], [6]),
        ([PYTHON, "-c", CODE], [6]),
        (["sh", "-c", f"cd .. && exec {PYTHON} scripts/tiny.py --steps=2"], [2]),
        (["sh", "-c", f"{PYTHON} tiny.py --steps=2; {PYTHON} no_torch.py"], [2]),
        (["sh", "launch.sh", PYTHON, "--steps=2"], [2]),
        ([PYTHON, "spawns_training.py"], [3]),
        ([PYTHON, "children_at_work.py"], [2]),
        ([*TORCHRUN, "--nproc_per_node=1", "ddp.py"], [4]),
        ([*TORCHRUN, "--nproc_per_node=2", "ddp.py"], [4, 4]),
        ([*TORCHRUN, "--nproc_per_node=2", "-m", "ddp"], [4, 4]),
        ([PYTHON, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=1", "-m", "ddp"], [4]),
        ([*ACCELERATE, "--cpu", "--num_processes=1", "tiny.py"], [6]),
        ([*ACCELERATE, "--num_processes=2", "--multi_gpu", "ddp.py"], [4, 4]),
    ],
    ids=lambda value: " ".join(Path(word).name for word in value)[:60] if isinstance(value[0], str) else "",
)
def test_each_way_to_start_a_program_is_recorded(words: list[str], updates: list[int], tmp_path: Path) -> None:
    if "accelerate" in words[0] and importlib.util.find_spec("accelerate") is None:
        pytest.skip("accelerate is not installed")
    trace = recorded(words, tmp_path / "trace")
    assert trace.exit_status == 0, (tmp_path / "trace/stderr.txt").read_text(encoding="utf-8")
    assert [process.updates for process in trace.processes] == updates
    assert all(process.sealed for process in trace.processes)
    assert "recorder_failures" not in trace.manifest


@pytest.fixture(scope="module")
def isolated(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter of its own that sees the packages of this one and not this project."""
    place = tmp_path_factory.mktemp("isolated")
    venv.create(place, symlinks=True)
    program = str(place / "bin" / "python")
    packages = Path(
        subprocess.run(
            [program, "-I", "-c", "import site; print(site.getsitepackages()[0])"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    )
    torch = importlib.util.find_spec("torch")
    assert torch is not None
    assert torch.origin is not None
    others = repr(str(Path(torch.origin).parents[1]))
    (packages / "others.pth").write_text(f"import sys; sys.path.append({others})\n", encoding="utf-8")
    return program


def test_an_interpreter_without_this_package_is_recorded(
    isolated: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    lacks = subprocess.run([isolated, "-c", "import parity"], capture_output=True, check=False, cwd=tmp_path)
    assert b"ModuleNotFoundError" in lacks.stderr
    trace = recorded([isolated, "tiny.py"], tmp_path / "trace")
    assert [process.updates for process in trace.processes] == [6]


@pytest.mark.parametrize("flag", ["-E", "-I", "-sI"])
def test_an_isolated_interpreter_is_refused_and_with_the_file_it_is_recorded(
    flag: str, isolated: str, tmp_path: Path
) -> None:
    words = [isolated, flag, "tiny.py"]
    with pytest.raises(IsolatedInterpreterError, match=rf"parity doctor --install-pth --python {isolated}"):
        recorded(words, tmp_path / "refused")
    installed = parity("doctor", "--install-pth", "--python", isolated, cwd=tmp_path)
    assert installed.stdout == f"{isolated} -E and -I: recorded\n".encode()
    try:
        assert [process.updates for process in recorded(words, tmp_path / "trace").processes] == [6]
        assert [process.updates for process in recorded([isolated, "tiny.py"], tmp_path / "plain").processes] == [6]
    finally:
        removed = parity("doctor", "--uninstall-pth", "--python", isolated, cwd=tmp_path)
    assert removed.stdout == f"{isolated} -E and -I: refused\n".encode()
    assert not pth.is_installed(isolated)
    assert b"was not installed" in parity("doctor", "--uninstall-pth", "--python", isolated, cwd=tmp_path).stderr


def test_the_file_does_nothing_in_a_program_that_is_not_recorded(isolated: str, tmp_path: Path) -> None:
    show = "import sys; print(sorted(sys.modules), sys.path, sys.meta_path)"
    environment = {name: value for name, value in os.environ.items() if name != "PARITY_RECORD"}

    def seen() -> bytes:
        return subprocess.run([isolated, "-I", "-c", show], capture_output=True, check=True, env=environment).stdout

    before = seen()
    pth.install(isolated)
    try:
        assert seen() == before
    finally:
        pth.uninstall(isolated)


def test_a_program_that_is_no_python_cannot_be_changed(tmp_path: Path) -> None:
    done = parity("doctor", "--install-pth", "--python", "false", cwd=tmp_path)
    assert done.returncode == 2
    assert b"parity help interpreter" in done.stderr


def scenario(place: Path, *arguments: str) -> Scenario:
    command = shlex.join([PYTHON, str(SCRIPTS / "aborts_in_teardown.py"), str(place / "deaths"), *arguments])
    return Scenario(pair="pair", name="scratch", reference=command, candidate=command, recording=RECORDING)


def test_an_abort_of_gloo_after_the_training_is_retried_once_and_said(tmp_path: Path) -> None:
    stages: list[str] = []
    side = run_side(scenario(tmp_path, "1"), Side.REFERENCE, tmp_path, lambda _, stage, __: stages.append(stage))
    assert (side.exit_status, side.processes[0].updates) == (0, 3)
    assert REMARK in side.manifest["interventions"]
    assert any("again: gloo" in stage for stage in stages)


def test_a_second_abort_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(TeardownAbortError, match="destroy_process_group"):
        run_side(scenario(tmp_path, "2"), Side.CANDIDATE, tmp_path, lambda *_: None)
    assert (tmp_path / "deaths").read_bytes() == b"xx"


def test_a_stored_run_that_ended_in_such_an_abort_is_refused_as_what_it_is(tmp_path: Path) -> None:
    words = [PYTHON, str(SCRIPTS / "aborts_in_teardown.py"), str(tmp_path / "deaths"), "1"]
    record(words, tmp_path / "trace", RECORDING, streams=False)
    for require in (require_reference, require_candidate):
        with pytest.raises(TeardownAbortError, match="complete training"):
            require(read_trace(tmp_path / "trace"))


def test_a_program_that_fails_by_itself_is_not_retried(tmp_path: Path) -> None:
    side = run_side(scenario(tmp_path, "0", "raises"), Side.CANDIDATE, tmp_path, lambda *_: None)
    assert side.exit_status == 1
    assert side.manifest["interventions"] == RECORDING.interventions()


def test_fresh_is_an_option_of_compare(tmp_path: Path) -> None:
    for option, launch in (([], "warm"), (["--fresh"], "fresh")):
        command = shlex.join([PYTHON, str(TINY)])
        assert parity("compare", command, command, "-o", "out", *option, cwd=tmp_path).returncode == 0
        traces = [read_trace(tmp_path / "out/compare/scratch" / side / "trace") for side in ("reference", "candidate")]
        expected = launch if sys.platform == "linux" else "fresh"
        assert [trace.manifest["launch"] for trace in traces] == [expected, expected]
        assert all(str(ROOT) not in str(trace.manifest["argv"][0]) for trace in traces)
