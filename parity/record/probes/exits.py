"""How the program ends: the exception that nobody caught, and the number of updates."""

import sys
import traceback
from typing import Any, Final

CHANNELS: Final = ("exception", "updates")
SEAM: Final = "sys.excepthook, chained; atexit"
BLIND: Final = "os._exit and signals that kill: the exit status still tells"


def install(listener: Any) -> None:
    """Observe an uncaught exception and the totals."""
    original = sys.excepthook

    def excepthook(kind: Any, error: Any, trace: Any) -> None:
        listener.emit("uncaught", kind, error, trace)
        original(kind, error, trace)

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
    sys.excepthook = excepthook
    listener.on("uncaught", "exits", uncaught)
    listener.on("finish", "exits", finish)
