"""Gives a recorded program a clock that moves by one second with every update, so that its readings can be compared.

Times, throughput and utilisation are else numbers of the machine, which prove nothing. With this clock they are numbers
of the program: the same on both sides wherever both read it at the same place of the training. A program that waits for
time to pass waits for ever, so this is only for those who ask for it. What holds the functions of ``time`` from before
torch was imported keeps the machine's clock, and so does everything in threads, queues and child processes.

Loaded inside recorded programs: the standard library only.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

CHANNELS: Final = ()
NOTE: Final = "clock"
_BEGINNINGS: Final = {"time": 1_000_000_000, "perf_counter": 0, "monotonic": 0}
_NANOSECONDS: Final = 1_000_000_000


def describe(options: Mapping[str, Any]) -> str:  # noqa: ARG001
    """What is changed in the program, in words."""
    return "given a clock that moves by one second with every update"


def install(listener: Any, options: Mapping[str, Any]) -> None:  # noqa: ARG001
    """Put the functions that read a clock in place, and say so in the trace."""
    listener.note({NOTE: "moves with the updates"})
    for name, beginning in _BEGINNINGS.items():
        listener.patches.put(time, name, _seconds(listener, beginning))
        listener.patches.put(time, f"{name}_ns", _nanoseconds(listener, beginning))


def _seconds(listener: Any, beginning: int) -> Callable[[], float]:
    return lambda: float(beginning + listener.completed)


def _nanoseconds(listener: Any, beginning: int) -> Callable[[], int]:
    return lambda: (beginning + int(listener.completed)) * _NANOSECONDS
