"""The ring and its windows: what is written is read, once, and waiting ends."""

import os
import subprocess
import sys
import threading

import pytest

from parity.record.follow.ring import Ring
from parity.record.follow.windows import Fact, Window, WindowWriter

CLAIM = """
import sys
from parity.record.follow.ring import Ring
print(Ring({"directory": sys.argv[1]}).claim("leader"))
"""


@pytest.fixture
def ring(tmp_path):
    return Ring({"directory": str(tmp_path), "timeout": 5.0})


def written(path, facts, before=()):
    writer = WindowWriter(path, before)
    for key, (digest, content) in facts.items():
        writer.add(key, Fact(digest, "uint8[3]"), (lambda held: lambda: held)(content))
    return writer.close()


def test_a_window_is_read_as_it_was_written_and_then_gone(tmp_path):
    path = tmp_path / "0.window"
    writer = WindowWriter(path, ())
    writer.add("a", Fact(7, "uint8[3]"), lambda: b"abc")
    writer.add("again", Fact(7, "uint8[3]"), lambda: pytest.fail("is held already"))
    writer.add("value", Fact(0, [1.5, 3]))
    writer.add("none", Fact(0, None))
    assert not path.exists()
    assert writer.close() == {0, 7}
    window = Window(path, {})
    assert not path.exists()
    assert (window.fact("a"), window.fact("value"), window.fact("other")) == (
        Fact(7, "uint8[3]"),
        Fact(0, [1.5, 3]),
        None,
    )
    assert bytes(window.contents[7]) == b"abc"
    assert list(window.facts("a")) == ["a", "again"]


def test_content_is_written_once_and_carried_from_window_to_window(tmp_path):
    first, second, third = (tmp_path / f"{number}.window" for number in range(3))
    held = written(first, {"a": (7, b"abc")})
    held = written(second, {"a": (7, b"abc"), "b": (8, b"xyz")}, held)
    written(third, {"a": (7, b"abc")}, held)
    window = Window(first, {})
    sizes = second.stat().st_size - third.stat().st_size
    window = Window(second, window.contents)
    window = Window(third, window.contents)
    assert bytes(window.contents[7]) == b"abc"
    assert set(window.contents) == {7}
    assert sizes >= len(b"xyz")


def test_the_leader_waits_for_room_and_the_follower_makes_it(ring):
    assert ring.room(0) == ring.room(1) == ""
    ring.path(-1).touch()
    waiting = []
    thread = threading.Thread(target=lambda: waiting.append(ring.room(1)))
    thread.start()
    thread.join(0.05)
    assert waiting == []
    ring.drop(0)
    thread.join(5)
    assert waiting == [""]


def test_a_follower_that_skips_updates_lets_the_leader_go_on(ring):
    ring.path(0).touch()
    ring.path(2).touch()
    assert ring.arrival(2) == ""
    assert not ring.path(0).exists()


@pytest.mark.parametrize("reason", ["the reference ended", ""])
def test_waiting_ends_with_the_other_side(ring, reason):
    ring.end("leader", reason)
    assert ring.arrival(3) == (reason or "the leader ended")
    ring.path(3).touch()
    assert ring.arrival(3) == "", "what was published before the end counts"


def test_waiting_ends_when_the_other_process_is_gone(ring):
    words = [sys.executable, "-c", CLAIM, str(ring.directory.parent)]
    done = subprocess.run(words, capture_output=True, check=True, text=True)
    assert done.stdout == "True\n"
    assert ring.arrival(0) == "the leader died"


def test_waiting_ends_after_a_time(tmp_path):
    patient = Ring({"directory": str(tmp_path), "timeout": 0.01})
    (tmp_path / "leader.pid").write_text(str(os.getpid()))
    assert patient.arrival(0) == "the leader stood still for 0.01 seconds"


def test_only_one_process_speaks_for_a_side(ring):
    assert ring.claim("leader")
    assert not ring.claim("leader")
