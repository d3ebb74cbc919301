"""Several scenarios of a pair at once."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.programs import ROOT, TINY, command, parity, run
from tests.e2e.test_live import on_a_terminal
from tests.e2e.test_live import parity as words

pytestmark = pytest.mark.xdist_group("jobs")


def write_policy(place: Path, *steps: int, pause: float = 0.0, rate: float = 1e-2) -> None:
    lines = [
        "[[tool.parity.pairs]]",
        'name = "tiny"',
        f"reference = '{command(TINY)}'",
        f"candidate = '{command(TINY, f'--lr={rate}')}'",
    ]
    for count in steps:
        lines += [
            "[[tool.parity.pairs.scenarios]]",
            f'name = "steps-{count}"',
            f'arguments = "--steps={count} --pause={pause}"',
            'environment = { OMP_NUM_THREADS = "1" }',
        ]
    (place / "pyproject.toml").write_text("\n".join(lines), encoding="utf-8")


def test_results_do_not_depend_on_how_many_run_at_once(tmp_path: Path) -> None:
    write_policy(tmp_path, 4, 2, 3, rate=2e-2)
    results = []
    for jobs in ("1", "3"):
        done = parity("run", "--json", "--no-cache", "--jobs", jobs, "-o", jobs, cwd=tmp_path)
        assert done.returncode == 1, done.stderr
        found = json.loads(done.stdout)
        assert [one["scenario"] for one in found] == ["steps-4", "steps-2", "steps-3"]
        report = (tmp_path / jobs / "tiny/report.md").read_text(encoding="utf-8")
        results.append([*found, report.replace(f"{jobs}/tiny", "OUT/tiny")])
    assert results[0] == results[1]


def test_a_pair_that_cannot_be_set_up_leaves_the_others_alone(tmp_path: Path) -> None:
    write_policy(tmp_path, 2)
    policy = tmp_path / "pyproject.toml"
    good = policy.read_text(encoding="utf-8")
    bad = good.replace('name = "tiny"', 'name = "bare"\nsetup = ["false"]')
    policy.write_text(f"{bad}\n{good}", encoding="utf-8")
    done = parity("run", "--no-cache", "--quiet", cwd=tmp_path)
    assert done.returncode == 4
    assert "Identical: tiny / steps-2" in done.stdout.decode()
    assert "the setup command of pair bare ended with status 1: false" in done.stderr.decode()


def test_they_do_run_at_once(tmp_path: Path) -> None:
    write_policy(tmp_path, 6, 7, pause=0.2)
    status, _, shown = on_a_terminal(words("run", "--jobs=2", "--no-cache", "--json"), tmp_path)
    assert status == 0
    # The terminal is redrawn from above: both scenarios stand in one picture.
    assert any("tiny/steps-6: " in one and "tiny/steps-7: " in one for one in shown.split("\x1b[2K\x1b[1A"))


def test_an_interrupt_ends_all_programs(tmp_path: Path) -> None:
    write_policy(tmp_path, 1000, 1001, 1002, pause=0.1)
    process = subprocess.Popen(
        words("run", "--jobs=2", "--no-cache", "--fresh"),
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    traces = [tmp_path / f"reports/out/tiny/steps-{count}/reference/trace" for count in (1000, 1001)]
    deadline = time.monotonic() + 60
    while not all(any(trace.glob("*.trace")) for trace in traces):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    listed = run(["ps", "-eo", "args"], cwd=tmp_path).stdout.decode()
    assert "--steps=1000" not in listed
    assert "--steps=1001" not in listed
    assert not (tmp_path / "reports/out/tiny/steps-1002").exists()
