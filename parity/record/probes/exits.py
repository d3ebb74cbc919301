"""How the program ends: the exception that nobody caught, and the number of updates."""

import os
import sys
import traceback
from typing import Any, Final

from .calls import UNSEEN

CHANNELS: Final = ("exception", "updates")
SEAM: Final = "sys.excepthook, chained; atexit"
BLIND: Final = "os._exit and signals that kill: the exit status still tells; tracebacks that the program prints itself"
_RECORDER: Final = (os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep, UNSEEN)


def install(listener: Any) -> None:
    """Observe an uncaught exception and the totals."""
    original = sys.excepthook

    def excepthook(kind: Any, error: Any, trace: Any) -> None:
        listener.emit("unwind", error)
        listener.emit("uncaught", kind, error, error.__traceback__)
        original(kind, error, error.__traceback__ or trace)

    def uncaught(kind: Any, error: Any, trace: Any) -> None:
        message = str(error).splitlines()
        listener.observe("exception", f"{kind.__name__}: {listener.places.neutral(message[0]) if message else ''}")
        text = "".join(traceback.format_exception(kind, error, trace))
        listener.traceback = listener.places.neutral(text)

    def finish(completed: int) -> None:
        listener.observe("updates", completed)
        if listener.traceback:
            listener.note({"traceback": listener.traceback})

    listener.traceback = ""
    listener.patches.put(sys, "excepthook", excepthook)
    listener.on("unwind", "exits", _hide_recorder)
    listener.on("uncaught", "exits", uncaught)
    listener.on("finish", "exits", finish)


def _hide_recorder(error: BaseException | None) -> None:
    """Take the frames of the recorder out of the tracebacks of ``error`` and of what led to it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        frames = []
        trace = error.__traceback__
        while trace is not None:
            if not trace.tb_frame.f_code.co_filename.startswith(_RECORDER):
                frames.append(trace)
            trace = trace.tb_next
        for frame, following in zip(frames, [*frames[1:], None], strict=True):
            frame.tb_next = following
        error.__traceback__ = frames[0] if frames else None
        error = error.__cause__ or error.__context__
