"""A process that has torch loaded, and of which each program gets a copy.

The server stands still in the middle of the start of an interpreter, where Python imports ``sitecustomize``. For each
program it forks, and in the copy :func:`serve` returns: the start goes on there as it would have, with the arguments,
directory and streams of the program. Nothing of torch has been used, so that programs share nothing but what importing
it left: no thread pool, no random number drawn, no device initialised.

Loaded by path into a stranger's interpreter, watched by ``stash.Loading``: imports only the standard library.
"""

import array  # noqa: F401 - receiving descriptors needs it; loaded here, it is watched
import gc
import json
import os
import select
import socket
import sys
import threading
import traceback
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .program import Program
    from .stash import Stash

_REQUEST_BYTES: Final = 1 << 20
_DEVICES: Final = {"cuda": ("/dev/nvidiactl", "/dev/dxg"), "hip": ("/dev/kfd",), "xpu": ("/dev/dri",)}


def preload() -> str | None:
    """Load what training programs load; return why no program can be started from here, or None."""
    try:
        import numpy  # noqa: F401, ICN001
        import torch
        import torch._dynamo
    except ImportError as error:
        return f"{error.name} cannot be imported"
    for kind, files in _DEVICES.items():
        if getattr(torch.version, kind, None) and any(os.path.exists(file) for file in files):
            return "there is an accelerator, whose state does not survive a fork"
    if sys.gettrace() or sys.getprofile() or threading.active_count() > 1:
        return "the interpreter starts a tracer or threads of its own"
    return None if hasattr(os, "pidfd_open") else "Python cannot watch processes by descriptor"


def serve(descriptor: int, unsuited: str | None, stash: "Stash", program: Any) -> None:
    """Start copies until the other end of the socket closes; return only in a copy.

    ``program`` is the module of that name: nothing here can be imported by name.
    """
    try:
        control = socket.socket(fileno=descriptor)
        # A collector that visits what was loaded would copy all of its memory into every program, at its end at least.
        gc.freeze()
        control.send(json.dumps({"unsuited": unsuited}).encode())
        if unsuited is None and _Server(control, stash, program).run():
            return
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


class _Server:
    """Forks on request, and tells how the copies end."""

    def __init__(self, control: socket.socket, stash: "Stash", program: Any) -> None:
        self._control = control
        self._stash = stash
        self._program = program
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._copies: dict[int, tuple[int, socket.socket]] = {}

    def run(self) -> bool:
        """Return True in a copy, and False when there is nobody left to serve."""
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor in self._copies:
                    self._ended(descriptor)
                    continue
                message, files, _, _ = socket.recv_fds(self._control, _REQUEST_BYTES, 3)
                if not message:
                    return False
                if self._start(json.loads(message), *files):
                    return True

    def _start(self, request: dict[str, Any], output: int, errors: int, answer: int) -> bool:
        """Return True in the copy."""
        client = socket.socket(fileno=answer)
        try:
            program: Program = self._program.Program(request)
            self._refuse_shadows(program.folder)
        except self._program.RefusalError as error:
            _tell(client, refused=str(error))
            client.close()
            pid = -1
        else:
            pid = _fork()
        if pid == 0:
            self._leave(client)
            program.prepare(output, errors)
            self._stash.hide()
            program.stand_in()
            return True
        os.close(output)
        os.close(errors)
        if pid > 0:
            self._watch(pid, client)
        return False

    def _refuse_shadows(self, folder: str) -> None:
        """A program that brings a module of the name of one that is loaded would have loaded its own."""
        entries = os.listdir(folder)
        own = {name.partition(".")[0] for name in entries if name.endswith((".py", ".so", ".pyc"))}
        own |= {name for name in entries if os.path.isfile(os.path.join(folder, name, "__init__.py"))}
        shadows = sorted(own & self._stash.names())
        if shadows:
            message = f"{folder} holds a module called {shadows[0]}"
            raise self._program.RefusalError(message)

    def _watch(self, pid: int, client: socket.socket) -> None:
        watched = os.pidfd_open(pid)
        self._copies[watched] = (pid, client)
        self._poll.register(watched, select.POLLIN)
        socket.send_fds(client, [json.dumps({"pid": pid}).encode()], [watched])

    def _ended(self, watched: int) -> None:
        pid, client = self._copies.pop(watched)
        self._poll.unregister(watched)
        os.close(watched)
        _, status = os.waitpid(pid, 0)
        _tell(client, status=os.waitstatus_to_exitcode(status))
        client.close()

    def _leave(self, client: socket.socket) -> None:
        """In the copy: let go of everything by which the server talks."""
        for descriptor, (_, other) in self._copies.items():
            os.close(descriptor)
            other.close()
        client.close()
        self._control.close()


def _fork() -> int:
    with warnings.catch_warnings():
        # The threads that Python warns of are those of a linear algebra library, which ends them before a fork.
        warnings.simplefilter("ignore")
        return os.fork()


def _tell(client: socket.socket, **content: Any) -> None:
    with suppress(OSError):  # whoever started the program need not wait for it any more
        client.send(json.dumps(content).encode())
