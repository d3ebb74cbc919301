"""Inside a rank: at its very end it waits for its turn to be taken apart.

An interpreter that ends touches all that it has loaded, so that a copy of a warm server, which until then shared nearly
all of its memory, has all of it for itself. Where there are as many ranks at that point as there are processors, more
of them at once are not faster, and only take memory. What the program does itself is done before: this waits as the
first exit handler that was registered, which is the last that is called.

An attachment; see ``parity.record.attachments``. Loaded inside recorded programs: the standard library only.
"""

import atexit
import fcntl
import os
import time
from collections.abc import Mapping
from typing import Any, Final

_PAUSE_SECONDS: Final = 0.005
_PATIENCE_SECONDS: Final = 10.0


def describe(options: Mapping[str, Any]) -> str:  # noqa: ARG001
    """What this changes in the program: nothing that it does, only how many ranks are taken apart at once."""
    return "ranks that have ended are taken apart one after the other"


def install(listener: Any, options: Mapping[str, Any]) -> None:
    """Wait at the end for one of as many turns as there are processors."""
    turns = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    atexit.register(await_turn, options["table"], turns, listener.pid)


def await_turn(table: str, turns: int, pid: int) -> None:
    """Hold one of ``turns`` locks on the file ``table`` until this process is gone; go on without after some time."""
    if os.getpid() != pid:
        return
    try:
        # The lock is let go with the process: nobody closes this.
        descriptor = os.open(table, os.O_RDWR)
    except OSError:  # whoever watched has gone
        return
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for turn in range(turns):
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, turn)
            except OSError:
                continue
            return
        time.sleep(_PAUSE_SECONDS)
