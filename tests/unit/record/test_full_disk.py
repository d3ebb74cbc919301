"""A listener whose disk is full: said once, and the program never hears of it."""

import os
import sys
import types

import pytest

from parity.record.listener import Listener
from parity.trace.store import read_process


@pytest.fixture
def said(monkeypatch, tmp_path):
    """What the recorder says on the real standard error."""
    lines = []
    monkeypatch.setattr(sys, "__stderr__", types.SimpleNamespace(write=lines.append))
    if "torch" not in sys.modules:
        fake = types.ModuleType("torch")
        fake.__file__ = str(tmp_path / "torch" / "__init__.py")
        monkeypatch.setitem(sys.modules, "torch", fake)
    return lines


def fill(listener):
    """From here on the device behind the trace is full."""
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, listener._writer._descriptor)
    os.close(full)


def step(listener, value):
    listener.training_event()
    listener.observe("loss", value)
    listener.step_done()


@pytest.mark.parametrize("steps_after", [0, 2], ids=["at the end", "while training"])
def test_it_is_said_once_and_what_was_flushed_stays(said, tmp_path, steps_after):
    listener = Listener({"directory": str(tmp_path)})
    step(listener, 1.0)
    fill(listener)
    for _ in range(steps_after):
        step(listener, 2.0)
    listener.finish()
    (line,) = said
    assert line.startswith("parity: recording stopped")
    assert "No space left" in line
    (path,) = tmp_path.glob("*.trace")
    process = read_process(path)
    assert process.get("loss").values.tolist() == [1.0]
    assert process.sealed is None


def test_a_probe_that_fails_on_a_file_of_the_program_does_not_stop_the_recording(said, tmp_path):
    def broken():
        raise FileNotFoundError("the working directory is gone")

    listener = Listener({"directory": str(tmp_path)})
    listener.on("event", "files", broken)
    step(listener, 1.0)
    listener.emit("event")
    step(listener, 2.0)
    listener.finish()
    (path,) = tmp_path.glob("*.trace")
    assert read_process(path).get("loss").values.tolist() == [1.0, 2.0]
    assert [note["probe"] for note in read_process(path).notes] == ["files"]
    assert said == []
