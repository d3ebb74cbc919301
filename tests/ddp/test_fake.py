"""Thousands of ranks of which one exists: the books are kept, and no number is compared."""

import sys

import pytest

from parity.compare.engine import compare
from parity.record.launch import Recording, record
from parity.record.processes import Launcher
from parity.trace.channels import CHANNELS, Carries
from parity.trace.model import Trace
from parity.trace.store import read_trace
from tests.e2e.programs import SCRIPTS


@pytest.fixture(scope="module")
def traces(warm: Launcher, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trace]:
    place = tmp_path_factory.mktemp("fake")
    script = str(SCRIPTS / "worlds" / "books.py")
    runs = {
        "one": (["--lr=0.1"], 4096),
        "other seed": (["--lr=0.1", "--seed=9"], 4096),
        "other rate": (["--lr=0.2"], 4096),
        "two": (["--lr=0.1"], 2),
    }
    for name, (arguments, world) in runs.items():
        recording = Recording(world=world, engine="fake")
        words = [sys.executable, script, *arguments]
        assert record(words, place / name, recording, streams=False, launcher=warm) == 0, name
    return {name: read_trace(place / name) for name in runs}


def test_rank_0_keeps_the_books_of_its_world(traces: dict[str, Trace]) -> None:
    for name, world in (("one", 4096), ("two", 2)):
        (process,) = traces[name].processes
        assert (process.header["world"], process.updates) == (world, 3)
        assert process.get("micro_steps").values.tolist() == [2, 2, 2]
        assert f"{world} ranks, {8192 // world} samples here, {2 * world} micro-batches per update" in printed(
            traces[name]
        )


def printed(trace: Trace) -> str:
    return (trace.directory / "stdout.txt").read_text(encoding="utf-8")


def test_numbers_are_never_compared(traces: dict[str, Trace]) -> None:
    comparison = compare(traces["one"], traces["other seed"])
    assert not [one for one in comparison.measurements if one.channel.carries is Carries.VALUES]
    skipped = {one.channel: one.reason for one in comparison.not_compared if "engine fake" in one.reason}
    assert {"loss", "gradient", "parameter"} <= skipped.keys()
    assert all(CHANNELS[name].carries is Carries.VALUES for name in skipped)
    assert not skipped.keys() & comparison.coverage.keys()


def test_the_books_are_compared(traces: dict[str, Trace]) -> None:
    found = {one.channel.name for one in compare(traces["one"], traces["other rate"]).measurements}
    assert "lr" in found
