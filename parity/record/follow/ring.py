"""The directory that both programs meet in: a few windows at a time, who is there, and waiting that always ends."""

import os
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

_DEPTH: Final = 2
_FIRST_PAUSE_SECONDS: Final = 0.0002
_LONGEST_PAUSE_SECONDS: Final = 0.005
END: Final = ".end"
"""Ending of the mark of a side that publishes or follows no more. The process that started a side sets it too, so that
nobody waits for a program that died."""


class Ring:
    """At most so many windows that one side has written and the other has not taken. Every rank has one of its own."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._all = Path(options["directory"])
        self._timeout = float(options.get("timeout", 600.0))

    @cached_property
    def directory(self) -> Path:
        """Where this rank meets the same rank of the other program."""
        place = self._all / f"rank{os.environ.get('RANK', '0')}"
        place.mkdir(exist_ok=True)
        return place

    def path(self, update: int) -> Path:
        """Where the window of ``update`` is; the first one, before any update, has the index -1."""
        return self.directory / f"{update + 1:08d}.window"

    def claim(self, role: str) -> bool:
        """Whether this process may speak for ``role``: the first one that trains."""
        try:
            descriptor = os.open(self.directory / f"{role}.pid", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return False
        os.write(descriptor, str(os.getpid()).encode())
        os.close(descriptor)
        return True

    def end(self, role: str, reason: str) -> None:
        """Say that ``role`` publishes or follows no more."""
        mark = self.directory / f"{role}{END}"
        partial = self.directory / f"{role}.ending"
        partial.write_text(reason, encoding="utf-8")
        partial.replace(mark)

    def room(self, update: int) -> str:
        """Wait until the window of ``update`` may be written; return why it may not, or nothing."""
        before = self.path(update - _DEPTH)
        return self._wait(lambda: not before.exists(), "follower")

    def arrival(self, update: int) -> str:
        """Wait for the window of ``update``, dropping all earlier ones; return why it will never come, or nothing."""
        path = self.path(update)

        def arrived() -> bool:
            self.drop(update)
            return path.exists()

        return self._wait(arrived, "leader")

    def drop(self, update: int) -> None:
        """Remove the windows before that of ``update``: the leader may be waiting for that."""
        for path in self.directory.glob("*.window"):
            if path < self.path(update):
                path.unlink(missing_ok=True)

    def _wait(self, ready: Callable[[], bool], other: str) -> str:
        since, pause = time.monotonic(), _FIRST_PAUSE_SECONDS
        while not ready():
            gone = self._gone(other)
            if gone:
                return "" if ready() else gone
            if time.monotonic() - since > self._timeout:
                return f"the {other} stood still for {self._timeout:g} seconds"
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        return ""

    def _gone(self, other: str) -> str:
        """Why ``other`` will do nothing any more; empty while it may."""
        for place in (self.directory, self._all):
            mark = place / f"{other}{END}"
            if mark.exists():
                return mark.read_text(encoding="utf-8") or f"the {other} ended"
        claimed = self.directory / f"{other}.pid"
        try:
            os.kill(int(claimed.read_text(encoding="ascii") or os.getpid()), 0)
        except ProcessLookupError:
            return f"the {other} died"
        except (OSError, ValueError):
            return ""
        return ""
