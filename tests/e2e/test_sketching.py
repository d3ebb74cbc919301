"""Sketches of a recorded program: on schedule, beside the trace, and without any trace in the training."""

import sys
from pathlib import Path

import pytest

from parity.compare.engine import compare
from parity.trace.store import read_trace
from tests.e2e.programs import TINY, parity_process
from tests.unit.trace.trace_files import bits_in


def record(directory: Path, sketch: str, *arguments: str, options: tuple[str, ...] = ()) -> int:
    words = [sys.executable, str(TINY), *arguments]
    return parity_process(
        "record", "-o", str(directory), "--sketch", sketch, *options, "--", *words, cwd=directory.parent
    ).returncode


def test_sketching_changes_no_bit_and_gives_a_size_to_a_difference(tmp_path: Path) -> None:
    for name, sketch, lr in (("off", "off", "0.01"), ("on", "every:1", "0.01"), ("other", "auto", "0.0100001")):
        assert record(tmp_path / name, sketch, f"--lr={lr}") == 0
    off, on, other = (read_trace(tmp_path / name) for name in ("off", "on", "other"))
    assert not list((tmp_path / "off").glob("*.sketches"))
    assert compare(off, on).measurements == ()
    assert {key: bits_in(one) for key, one in off.processes[0].series.items() if key[0] != "config"} == {
        key: bits_in(one) for key, one in on.processes[0].series.items() if key[0] != "config"
    }
    assert on.processes[0].notes == off.processes[0].notes
    sketches, scheduled = on.processes[0].sketches, other.processes[0].sketches
    assert sketches is not None
    assert scheduled is not None
    assert (sketches.updates(), scheduled.updates()) == ([0, 1, 2, 3, 4, 5], [0, 1, 2, 4])
    names = [name for channel, name in on.processes[0].series if channel == "gradient"]
    assert all(sketches.get("gradient", name, 0, 0) and not sketches.get("gradient", name, 0, 1) for name in names)
    first = [one for one in compare(on, other).measurements if one.channel.name in ("parameter", "gradient")]
    estimates = {(one.channel.name, one.update): one.estimate for one in first}
    assert {channel for channel, _ in estimates} == {"parameter", "gradient"}
    assert all(estimate is not None and 0 < estimate < 1e-4 for estimate in estimates.values())


@pytest.mark.parametrize(
    ("sketch", "options", "updates"),
    [
        ("last:2", ("--updates=4",), [2, 3]),
        ("every:1", ("--level=scalars",), []),
        ("auto", ("--without=sketching",), []),
    ],
)
def test_the_schedule_is_kept(sketch: str, options: tuple[str, ...], updates: list[int], tmp_path: Path) -> None:
    assert record(tmp_path / "run", sketch, options=options) == 0
    held = read_trace(tmp_path / "run").processes[0].sketches
    assert held is not None
    assert held.updates() == updates


@pytest.mark.parametrize(("sketch", "says"), [("sometimes", b"expected auto"), ("last:3", b"needs --updates")])
def test_a_schedule_that_cannot_be_kept_is_refused(sketch: str, says: bytes, tmp_path: Path) -> None:
    words = [sys.executable, str(TINY)]
    done = parity_process("record", "-o", str(tmp_path / "run"), "--sketch", sketch, "--", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert says in done.stderr
