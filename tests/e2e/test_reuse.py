"""A run of the reference stands for the next one while nothing that it depended on has changed, and only then."""

import json
import os
import sys
from pathlib import Path

import pytest

from parity.errors import ReferenceFailedError
from parity.record.launch import Recording
from parity.record.processes import Launcher
from parity.record.stop import STOP
from parity.run.cache import Cache
from parity.run.conclusion import require_reference
from parity.run.plan import Scenario, Side
from parity.run.reuse import why_not
from parity.run.session import run_side
from parity.trace.store import read_trace
from tests.e2e.programs import command, parity

PROGRAM = """
import json, os, sys
rate = json.load(open("config.json"))["rate"]  # before the recorder's probes are there
import torch
import helper
torch.manual_seed(0)
model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=rate)
try:
    scale = float(open("optional.txt").read())
except FileNotFoundError:
    scale = 1.0
names = sorted(os.listdir("data"))
for name in names:
    values = [float(word) for word in open(os.path.join("data", name)).read().split()]
    (helper.loss(model(torch.tensor([values]))) * scale).backward()
    optimizer.step()
    optimizer.zero_grad()
out = sys.argv[1]
torch.save(model.state_dict(), os.path.join(out, "model.pt"))
extra = sys.argv[2] if len(sys.argv) > 2 else ""
if extra == "subprocess":
    import subprocess
    subprocess.run(["true"])
if extra == "fork":
    if os.fork() == 0:
        os._exit(0)
    os.wait()
if extra == "network":
    import socket
    socket.socket().connect_ex(("127.0.0.1", 9))
if extra == "entropy":
    open("/dev/urandom", "rb").read(1)
if extra == "outside":
    open("written.txt", "w").close()
if extra == "native":
    import sqlite3
    sqlite3.connect(":memory:").close()
if extra == "unseeded":
    import random
    random.random()
    model(torch.ones(1, 2)).sum().backward()
if extra == "status":
    sys.exit(3)
if extra == "cut":
    os._exit(0)
"""
FILES = {
    "train.py": PROGRAM,
    "helper.py": "def loss(output):\n    return output.square().mean()\n",
    "config.json": '{"rate": 0.1}',
    "data/a.txt": "1 2",
    "data/b.txt": "3 4",
    "other.py": "",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    return tmp_path


def recorded(project: Path, warm: Launcher, *arguments: str, **options: object) -> dict[str, str]:
    """What became of a run of the reference."""
    words = " ".join([sys.executable, "train.py", "{out}", *arguments])
    scenario = Scenario(
        pair="pair",
        name="one",
        reference=words,
        candidate=words,
        recording=Recording(**options),  # type: ignore[arg-type]
        cache=project / "cache",
    )
    trace = run_side(scenario, Side.REFERENCE, project / "out", lambda *_: None, warm)
    assert json.loads((trace.directory / "manifest.json").read_text()) == trace.manifest
    return dict(trace.manifest["cache"])


def test_any_change_of_what_was_read_records_afresh_and_nothing_else_does(project: Path, warm: Launcher) -> None:
    assert recorded(project, warm, "{out}/model.pt") == {"state": "kept", "reason": ""}
    assert recorded(project, warm, "{out}/model.pt")["state"] == "reused"
    assert recorded(project, warm) == {"state": "kept", "reason": ""}
    model = project / "out/one/reference/out/model.pt"
    content = model.read_bytes()
    for name in FILES:
        os.utime(project / name, (1, 1))
    (project / "other.py").write_text("1")
    (project / "beside.txt").write_text("1")
    model.unlink()
    assert recorded(project, warm)["state"] == "reused"
    assert model.read_bytes() == content
    for name, text in (
        ("train.py", PROGRAM + "\n"),
        ("helper.py", FILES["helper.py"] + "\n"),
        ("config.json", '{"rate": 0.2}'),
        ("data/a.txt", "1 3"),
        ("data/c.txt", "1 3"),
        ("optional.txt", "2"),
    ):
        before = (project / name).read_text() if (project / name).exists() else None
        (project / name).write_text(text)
        assert recorded(project, warm)["state"] == "kept", name
        if before is None:
            (project / name).unlink()
        else:
            (project / name).write_text(before)
    assert recorded(project, warm)["state"] == "reused"
    assert recorded(project, warm, "argument")["state"] == "kept"
    assert recorded(project, warm, seed=1)["state"] == "kept"
    assert recorded(project, warm, updates=1)["state"] == "kept"


def test_a_variable_of_the_environment_counts(project: Path, warm: Launcher, monkeypatch: pytest.MonkeyPatch) -> None:
    assert recorded(project, warm)["state"] == "kept"
    monkeypatch.setenv("RATE", "2")
    assert recorded(project, warm)["state"] == "kept"
    monkeypatch.delenv("RATE")
    monkeypatch.setenv("GITHUB_SHA", "2")
    assert recorded(project, warm)["state"] == "reused"


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ("subprocess", "it starts other programs"),
        ("fork", "it starts other processes"),
        ("network", "it uses the network"),
        ("entropy", "it reads /dev/urandom"),
        ("outside", "it writes outside {out}: "),
        ("native", "it reads a database"),
        ("unseeded", "it draws from random, which it has not seeded"),
        ("status", "it ended with status 3"),
        ("cut", "its trace is not complete"),
    ],
)
def test_what_cannot_be_told_is_recorded_afresh_with_the_reason(
    extra: str, reason: str, project: Path, warm: Launcher
) -> None:
    found = recorded(project, warm, extra)
    assert found["state"] == "not kept"
    assert reason in found["reason"]
    assert Cache(root=project / "cache").entries() == []


def test_a_run_that_was_stopped_from_outside_is_not_the_whole_run(project: Path, warm: Launcher) -> None:
    recorded(project, warm)
    directory = project / "out/one/reference/trace"
    assert why_not(read_trace(directory)) == ""
    (directory / STOP).write_text("1")
    assert why_not(read_trace(directory)) == "it was stopped at the first divergence"


def test_a_failing_run_fails_again(project: Path, warm: Launcher) -> None:
    recorded(project, warm, "status")
    words = f"{sys.executable} train.py {{out}} status"
    scenario = Scenario(pair="p", name="one", reference=words, candidate=words, cache=project / "cache")
    with pytest.raises(ReferenceFailedError):
        require_reference(run_side(scenario, Side.REFERENCE, project / "out", lambda *_: None, warm))


def test_the_command_line_says_so_and_can_do_without(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARITY_CACHE", str(project / "kept"))
    (project / "candidate.py").write_text(PROGRAM.replace("lr=rate", "lr=rate * 1.0000001"))
    words = [
        command(Path("train.py"), "{out}"),
        command(Path("candidate.py"), "{out}"),
        "--noise-runs=1",
        "--no-zoom",
        "--json",
    ]
    report = project / "reports/out/compare/report.md"
    runs, reports = [], []
    for more in ((), (), ("--no-cache", "--no-rerun")):
        runs.append(parity("compare", *words, *more, cwd=project))
        reports.append("reused" in report.read_text(encoding="utf-8"))
    results = [json.loads(done.stdout) for done in runs]
    states = [one.get("cache", {}).get("reference", {}).get("state") for one in results]
    assert (states, reports) == (["kept", "reused", None], [False, True, False])
    assert results[0] | {"cache": None} == results[1] | {"cache": None}
    assert b"reference, reused from the cache\n" in runs[1].stderr
    assert b"reference, reused from the cache, perturbed run 1 of 1\n" in runs[1].stderr
    assert b"reused" not in runs[0].stderr + runs[2].stderr
    listed = json.loads(parity("cache", "--json", cwd=project).stdout)
    assert len(listed["runs"]) == 2
    assert parity("cache", "--clear", cwd=project).returncode == 0
    assert json.loads(parity("cache", "--json", cwd=project).stdout)["runs"] == []
