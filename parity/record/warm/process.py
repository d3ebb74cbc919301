"""A program that runs in a copy of a server, to be waited for and signalled like any other process."""

import json
import os
import select
import signal
import socket
import subprocess
from contextlib import suppress
from typing import Final

from parity.errors import LaunchServerError

_MESSAGE_BYTES: Final = 1 << 12


class WarmProcess:
    """The part of ``subprocess.Popen`` that is needed. Its end is told by the server, which is its parent."""

    def __init__(self, pid: int, descriptor: int, server: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._descriptor = descriptor
        self._server = server

    def poll(self) -> int | None:
        """The exit status, or None while the program runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(timeout=0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit status, negative for a signal.

        Raises:
            TimeoutExpired: it has not ended after ``timeout`` seconds.
            LaunchServerError: the server has ended first.
        """
        if self.returncode is not None:
            return self.returncode
        if not select.select([self._server], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        message = self._server.recv(_MESSAGE_BYTES)
        self._server.close()
        os.close(self._descriptor)
        if not message:
            self.returncode = -signal.SIGKILL
            text = f"the process from which process {self.pid} was started has ended; start programs afresh: --fresh"
            raise LaunchServerError(text)
        self.returncode = int(json.loads(message)["status"])
        return self.returncode

    def send_signal(self, sig: int) -> None:
        """Send a signal, unless the program has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, sig)

    def kill(self) -> None:
        """End the program at once."""
        self.send_signal(signal.SIGKILL)
