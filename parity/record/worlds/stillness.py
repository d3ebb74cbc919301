"""Ranks that announce nothing, started by somebody else: they are ended when nothing of theirs has grown for too long.

All that can be seen of them are the files in the directory of their trace: what they record, print and complain.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from parity.record.processes import Process

_PAUSE_SECONDS: Final = 0.1
_LOOK_SECONDS: Final = 0.5
_GRACE_SECONDS: Final = 40.0  # torchrun gives its workers 30 s to end
FAILED: Final = 1


class Timed:
    """``process``, ended when the files in ``trace`` have stood still for ``timeout`` seconds; then its status is 1."""

    def __init__(self, process: Process, trace: Path, timeout: float, errors: int | None) -> None:
        self.process = process
        self.returncode: int | None = None
        self._trace = trace
        self._timeout = timeout
        self._errors = errors
        self._looked = time.monotonic()
        self._seen = (self._size(), self._looked)
        self._kill_at: float | None = None

    def poll(self) -> int | None:
        """The exit status, or None while the program runs."""
        if self.returncode is None:
            status = self.process.poll()
            if status is not None:
                self.returncode = status if self._kill_at is None else FAILED
                if self._kill_at is not None:
                    self._say()
            elif time.monotonic() - self._looked > _LOOK_SECONDS:
                self._looked = time.monotonic()
                self._look(self._looked)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit status; ``subprocess.TimeoutExpired`` after ``timeout`` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            left = _PAUSE_SECONDS if deadline is None else min(_PAUSE_SECONDS, deadline - time.monotonic())
            if left <= 0:
                raise subprocess.TimeoutExpired("ranks", timeout or 0)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=left)
        return status

    def send_signal(self, sig: int) -> None:
        """Send a signal to a program that still runs."""
        self.process.send_signal(sig)

    def kill(self) -> None:
        """End the program at once."""
        self.process.kill()

    def _look(self, now: float) -> None:
        size = self._size()
        if size != self._seen[0]:
            self._seen = (size, now)
        if self._kill_at is not None:
            if now > self._kill_at:
                self.kill()
        elif now - self._seen[1] > self._timeout:
            self._kill_at = now + _GRACE_SECONDS
            self.send_signal(signal.SIGTERM)

    def _size(self) -> int:
        found = 0
        for path in self._trace.iterdir():
            with suppress(OSError):
                found += path.stat().st_size
        return found

    def _say(self) -> None:
        text = (
            f"parity: no rank has recorded or printed anything for {self._timeout:g} s; all ranks were ended "
            "(--engine baton says which of them waits for what)\n"
        )
        if self._errors is None:
            sys.stderr.write(text)
            sys.stderr.flush()
        else:
            with suppress(OSError):
                os.write(self._errors, text.encode())
