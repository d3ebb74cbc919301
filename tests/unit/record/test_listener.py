"""The centre of a recorded process, without a process to record."""

import sys
import threading
import types

import pytest

from parity.record.listener import Listener, UpdateLimitReached
from parity.trace.store import read_process
from tests.unit.trace.trace_files import content


@pytest.fixture
def listening(tmp_path, monkeypatch):
    """A listener that writes into ``tmp_path``, and what it has written when it is done."""
    if "torch" not in sys.modules:
        fake = types.ModuleType("torch")
        fake.__file__ = str(tmp_path / "torch" / "__init__.py")
        monkeypatch.setitem(sys.modules, "torch", fake)
    monkeypatch.delenv("RANK", raising=False)

    def make(**settings):
        return Listener({"directory": str(tmp_path), **settings})

    def finish(listener):
        listener.finish()
        (path,) = tmp_path.glob("*.trace")
        return read_process(path)

    return make, finish


def observe_step(listener, value):
    listener.training_event()
    listener.observe("loss", value)
    listener.step_done()


def test_what_follows_a_step_belongs_to_its_update(listening):
    make, finish = listening
    listener = make()
    listener.observe("config", "early", "k")
    for value in (1.0, 2.0):
        observe_step(listener, value)
        listener.observe("eval_forwards", 1)
    process = finish(listener)
    assert process.get("config", "k").updates.tolist() == [-1]
    assert process.get("loss").updates.tolist() == [0, 1]
    assert process.get("eval_forwards").updates.tolist() == [0, 1]
    assert process.sealed == {"updates": 2}


def test_micro_steps_belong_to_one_update(listening):
    make, finish = listening
    listener = make()
    for value in (1.0, 2.0):
        listener.training_event()
        listener.observe("loss", value)
    listener.step_done()
    assert finish(listener).get("loss").updates.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("channel", "value", "read"),
    [("loss", 1, 1.0), ("micro_steps", -1, -1), ("batch", 2**64 - 1, 2**64 - 1), ("config", 3, "3")],
)
def test_values_are_written_as_their_channel_declares(listening, channel, value, read):
    make, finish = listening
    listener = make()
    listener.observe(channel, value, "n")
    assert finish(listener).get(channel, "n").values.tolist() == [read]


def test_a_probe_that_raises_is_switched_off_and_noted(listening):
    make, finish = listening
    listener = make()
    heard = []

    def broken(value):
        heard.append(value)
        raise ValueError("no")

    listener.on("event", "bad", broken)
    listener.on("other", "bad", broken)
    listener.on("event", "good", lambda value: listener.observe("loss", value))
    listener.training_event()
    listener.emit("event", 1.0)
    listener.emit("event", 2.0)
    listener.emit("other", 3.0)
    process = finish(listener)
    assert heard == [1.0]
    assert process.get("loss").values.tolist() == [1.0, 2.0]
    (note,) = process.notes
    assert (note["probe"], note["error"], note["update"]) == ("bad", "ValueError: no", 0)


def test_a_probe_that_fails_before_the_file_is_open_is_noted_too(listening):
    make, finish = listening
    listener = make()
    listener.switch_off("clipping", AttributeError("no such function"))
    listener.training_event()
    process = finish(listener)
    assert [note["probe"] for note in process.notes] == ["clipping"]


def test_only_the_training_thread_is_heard(listening):
    make, finish = listening
    listener = make()
    listener.on("event", "probe", lambda: listener.observe("loss", 1.0))
    listener.training_event()
    other = threading.Thread(target=listener.emit, args=("event",))
    other.start()
    other.join()
    listener.emit("event")
    assert len(finish(listener).get("loss")) == 1


def test_the_limit_ends_the_program_after_the_step(listening):
    make, finish = listening
    listener = make(updates=2)
    observe_step(listener, 1.0)
    listener.check_limit()
    listener.training_event()
    listener.check_limit()
    listener.step_done()
    with pytest.raises(UpdateLimitReached) as caught:
        listener.check_limit()
    assert caught.value.code == 0
    assert finish(listener).notes == ({"stopped": "after 2 updates, as requested"},)


def test_a_directory_that_cannot_be_written_stops_the_recording_only(listening, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(sys, "__stderr__", types.SimpleNamespace(write=said.append))
    make, _ = listening
    listener = make(directory=str(tmp_path / "gone"))
    observe_step(listener, 1.0)
    listener.observe("loss", 2.0)
    listener.finish()
    assert len(said) == 1
    assert "the program goes on" in said[0]
    assert list(tmp_path.glob("**/*.trace")) == []


def test_a_forked_child_writes_nothing(listening):
    make, finish = listening
    listener = make()
    observe_step(listener, 1.0)
    child = make()
    child.forget()
    observe_step(child, 2.0)
    child.finish()
    assert content(finish(listener))["series"].keys() == {("loss", "")}


def test_the_rank_comes_from_the_environment(listening, monkeypatch):
    make, finish = listening
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "4")
    listener = make()
    listener.training_event()
    process = finish(listener)
    assert (process.rank, process.header["world"]) == (3, 4)
    assert process.file.startswith("rank3-")
