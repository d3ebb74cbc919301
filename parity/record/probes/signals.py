"""Which signals the program handles."""

import signal
from typing import Any, Final

from .calls import Family

CHANNELS: Final = ("signal_handler",)
SEAM: Final = "patch of signal.signal; signal.getsignal at the first update for handlers set before torch is imported"
BLIND: Final = "handlers of native code; whether a signal arrived: what the program then did is in the other channels"
_UNSEEN: Final = "default"


def install(listener: Any) -> None:
    """Observe every change of a handler, and once the handlers that were there before."""
    known: dict[int, str] = {}

    def observe(number: Any, handler: Any) -> None:
        text = _describe(handler)
        if number == signal.SIGCHLD and listener.places.is_foreign(_file(handler)):
            return  # torch watches its data loading workers
        if known.get(number, _UNSEEN) != text:
            known[number] = text
            listener.site("signal")
            listener.observe("signal_handler", text, signal.Signals(number).name)

    def before_us() -> None:
        if listener.update == 0:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
                observe(number, signal.getsignal(number))

    def told(_: Any, *args: Any, **kwargs: Any) -> None:
        listener.emit("signal_set", *args, *kwargs.values())

    Family(listener.patches).hear(signal, "signal", after=told)
    listener.on("signal_set", "signals", observe)
    listener.on("update_begins", "signals", before_us)


def _describe(handler: Any) -> str:
    if handler in (signal.SIG_DFL, signal.default_int_handler, None):
        return _UNSEEN
    return "ignored" if handler == signal.SIG_IGN else "handled"


def _file(handler: Any) -> str:
    code = getattr(handler, "__code__", None)
    return code.co_filename if code is not None else "<"
