"""A program that is sent a signal at a place of its training: it comes there, once, and goes the program's own way."""

import signal
import sys

import pytest

from parity.record.interruption import describe
from parity.record.launch import Recording, record
from parity.trace.store import read_trace
from tests.e2e.programs import SCRIPTS, TINY

AT = {"signal": "SIGTERM", "update": 2, "micro_step": None, "ranks": None}


def interrupted(place, warm, way, options):
    recording = Recording(attachments={"interruption": options}, environment={"OMP_NUM_THREADS": "1"})
    words = [sys.executable, str(SCRIPTS / "interrupted.py"), way]
    status = record(words, place / "trace", recording, streams=False, launcher=warm)
    trace = read_trace(place / "trace")
    notes = [note for process in trace.processes for note in process.notes]
    assert [note for note in notes if "probe" in note] == []
    told = [note for note in notes if "interrupted" in note]
    return status, (place / "trace/stdout.txt").read_text(encoding="utf-8").splitlines(), trace, told


@pytest.mark.parametrize(
    ("way", "options", "said", "updates"),
    [
        ("handles", {}, ["got SIGTERM after step 2, micro-step 1"], 4),
        ("handles", {"update": 0, "micro_step": 0}, ["got SIGTERM after step 0, micro-step 0"], 4),
        ("handles", {"micro_step": 1}, ["got SIGTERM after step 2, micro-step 1"], 4),
        ("handles", {"ranks": [0]}, ["got SIGTERM after step 2, micro-step 1"], 4),
        ("raises", {}, ["stopped by SIGTERM in step 2, micro-step 1"], 3),
        ("raises", {"micro_step": 0}, ["stopped by SIGTERM in step 2, micro-step 0"], 2),
        ("handles", {"signal": "SIGINT", "micro_step": 0}, ["got SIGINT after step 2, micro-step 0"], 4),
        ("by-hand", {"update": 1}, ["got SIGTERM after step 2, micro-step 0"], 4),
    ],
)
def test_the_signal_comes_at_its_place(tmp_path, warm, way, options, said, updates):
    status, lines, trace, told = interrupted(tmp_path, warm, way, {**AT, **options})
    assert (status, lines, len(told)) == (0, said, 1)
    assert max(process.updates for process in trace.processes) == updates


@pytest.mark.parametrize(("options", "updates"), [({}, 3), ({"micro_step": 0}, 2)])
def test_an_interrupt_ends_a_program_as_one_from_the_keyboard(tmp_path, warm, options, updates):
    status, lines, trace, told = interrupted(tmp_path, warm, "raises", {**AT, "signal": "SIGINT", **options})
    assert (status, len(told)) == (-signal.SIGINT, 1)
    assert lines == [f"interrupted in step 2, micro-step {0 if options else 1}"]
    assert trace.processes[0].updates == updates
    assert "KeyboardInterrupt" in (tmp_path / "trace/stderr.txt").read_text(encoding="utf-8")


def test_a_signal_that_kills_leaves_all_that_was_before(tmp_path, warm):
    status, lines, trace, told = interrupted(tmp_path, warm, "dies", {**AT, "signal": "SIGKILL"})
    assert (status, lines, len(told)) == (-9, [], 1)
    assert trace.processes[0].updates == 3


@pytest.mark.parametrize("options", [{"ranks": [1]}, {"update": 9}])
def test_who_is_not_named_gets_no_signal(tmp_path, warm, options):
    status, lines, _, told = interrupted(tmp_path, warm, "handles", {**AT, **options})
    assert (status, lines, told) == (0, [], [])


def test_an_interrupted_program_computes_what_it_computes_without(tmp_path, warm):
    """The handler only prints: every bit of the training is that of the run without a signal."""
    traces = []
    for name, attachments in (("without", {}), ("with", {"interruption": {**AT, "signal": "SIGWINCH"}})):
        recording = Recording(attachments=attachments, environment={"OMP_NUM_THREADS": "1"})
        words = [sys.executable, str(TINY), "--steps", "4"]
        assert record(words, tmp_path / name, recording, streams=False, launcher=warm) == 0
        traces.append(read_trace(tmp_path / name).processes[0])
    bare, told = ({key: one.values.tolist() for key, one in trace.series.items()} for trace in traces)
    assert bare == told


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (AT, "sent SIGTERM after update 2"),
        ({**AT, "micro_step": 1}, "sent SIGTERM after micro-step 1 of update 2"),
        ({**AT, "ranks": [0, 1]}, "sent SIGTERM after update 2 to rank 0, 1"),
    ],
)
def test_the_intervention_is_described(options, text):
    assert describe(options) == text
