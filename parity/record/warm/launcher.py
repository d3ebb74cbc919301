"""Starting programs in copies of servers: the same interface, and the same outcome, as processes of their own."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from parity.record.commands import is_python
from parity.record.processes import Process, Program, start_fresh
from parity.record.warm.process import WarmProcess
from parity.record.worlds.places import RANK_VARIABLES

_VARIABLE: Final = "PARITY_RECORD"
_PASSING: Final = (_VARIABLE, "PYTEST_CURRENT_TEST", "PWD", "OLDPWD", "SHLVL", "_", *RANK_VARIABLES)
"""Variables that may differ from run to run, because nothing reads them while it is imported."""
_STARTING_OTHERS: Final = ("torch.", "accelerate.")
"""Modules that train nothing themselves."""
_MOST_SERVERS: Final = 2
_LOADING_SECONDS: Final = 300
_MESSAGE_BYTES: Final = 1 << 12


class WarmLauncher:
    """Starts programs from servers where that changes nothing, and otherwise afresh. A context: servers end with it.

    There is one server for each interpreter and environment, started by the first program that can use it.
    """

    def __init__(self) -> None:
        self._servers: dict[tuple[object, ...], _Server] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    def __call__(self, program: Program) -> Process:
        """Start ``program``."""
        if not is_warm(program):
            return start_fresh(program)
        with self._lock:
            server = self._server(program)
            return server.start(program) or start_fresh(program)

    def _server(self, program: Program) -> "_Server":
        environment = {name: value for name, value in program.environment.items() if name not in _PASSING}
        key = (program.words[0], frozenset(environment.items()), frozenset(os.sched_getaffinity(0)))
        if key not in self._servers:
            idle = [known for known, server in self._servers.items() if not server.busy]
            for known in idle[: max(0, len(self._servers) - _MOST_SERVERS + 1)]:
                self._servers.pop(known).close()
            self._servers[key] = _Server(program)
        return self._servers[key]


def is_warm(program: Program) -> bool:
    """Whether ``program`` is of a form that can start in a copy: a script or a module, by Python without options."""
    words = program.words
    if sys.platform != "linux" or program.output is None or len(words) < 2 or not is_python(words[0]):
        return False
    named = os.sep not in words[0] or Path(words[0]).is_absolute()
    script = not words[1].startswith("-") and words[1].endswith(".py") and (program.directory / words[1]).is_file()
    module = words[1] == "-m" and len(words) > 2 and not words[2].startswith(_STARTING_OTHERS)
    return named and (script or module)


class _Server:
    """Our end of a server. It ends when this end closes, by whatever cause."""

    def __init__(self, program: Program) -> None:
        self._control, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        settings = json.loads(program.environment[_VARIABLE])
        serving = {"serve": other.fileno(), "package": settings["package"]}
        # Streams choose their buffers by the file system that they write to, so the server's lie beside the program's.
        with other, tempfile.TemporaryFile(dir=settings["directory"]) as output:
            self._process = subprocess.Popen(
                [program.words[0], "-m", "parity"],
                env={**program.environment, _VARIABLE: json.dumps(serving)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[other.fileno()],
                start_new_session=True,
            )
        self._unsuited: str | None = "it has not started"
        self._copies: list[WarmProcess] = []
        self._greeted = False

    @property
    def busy(self) -> bool:
        """Whether somebody still waits for one of its copies."""
        return bool(self._running())

    def start(self, program: Program) -> "WarmProcess | None":
        """Start ``program`` in a copy; None where it has to start in a process of its own."""
        if not self._greeted:
            self._greeted = True
            self._unsuited = self._greeting()
        if self._unsuited is not None or program.output is None:
            return None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = {
            "words": program.words[1:],
            "directory": str(program.directory),
            "environment": {name: program.environment.get(name) for name in _PASSING},
        }
        with theirs:
            try:
                socket.send_fds(self._control, [json.dumps(request).encode()], [*program.output, theirs.fileno()])
            except OSError:
                ours.close()
                return None
        message, files, _, _ = socket.recv_fds(ours, _MESSAGE_BYTES, 1)
        if not message or "refused" in json.loads(message):
            ours.close()
            return None
        copy = WarmProcess(json.loads(message)["pid"], files[0], ours)
        self._copies = [*self._running(), copy]
        return copy

    def _running(self) -> "list[WarmProcess]":
        # A copy belongs to the thread that waits for it: to ask it here could take its last word from there.
        return [one for one in self._copies if one.returncode is None]

    def _greeting(self) -> str | None:
        self._control.settimeout(_LOADING_SECONDS)
        try:
            message = self._control.recv(_MESSAGE_BYTES)
        except OSError as error:
            return str(error)
        self._control.settimeout(None)
        return str(json.loads(message)["unsuited"] or "") or None if message else "it has ended"

    def close(self) -> None:
        """End the server and wait for its end; what it has started runs on."""
        self._control.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
