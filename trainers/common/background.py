"""Work beside the training: one thing at a time in a thread of its own, or at once where order matters."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Generic, TypeVar

ResultT = TypeVar("ResultT")

MEMORY_FILE = Path("/proc/meminfo")
FULLEST = 0.9
"""No work is begun while more of the machine's memory is in use."""


class Worker(Generic[ResultT]):
    """Runs functions one after the other; their results are collected by whoever asks, in order."""

    def __init__(self, *, is_synchronous: bool) -> None:
        """Run at once if ``is_synchronous``, else in a thread."""
        self._executor = None if is_synchronous else ThreadPoolExecutor(max_workers=1, thread_name_prefix="analysis")
        self._pending: list[Future[ResultT]] = []

    def submit(self, work: Callable[[], ResultT]) -> None:
        """Run ``work`` now or later."""
        if self._executor is not None:
            self._pending.append(self._executor.submit(work))
            return
        done: Future[ResultT] = Future()
        try:
            done.set_result(work())
        except Exception as error:  # as in a thread: it belongs to the result
            done.set_exception(error)
        self._pending.append(done)

    def collect(self) -> list[ResultT]:
        """Return the results that are ready, and forget them; what failed costs a warning, not the training."""
        ready = []
        while self._pending and self._pending[0].done():
            done = self._pending.pop(0)
            error = done.exception()
            if error is None:
                ready.append(done.result())
            else:
                print(f"warning: an analysis failed: {type(error).__name__}: {error}")
        return ready

    def finish(self) -> list[ResultT]:
        """Wait for what has been begun, and return the results."""
        if self._executor is not None:
            self._executor.shutdown(wait=True)
        return self.collect()


def has_memory() -> bool:
    """Whether enough of the machine's memory is free; where nobody knows, it is."""
    if not MEMORY_FILE.exists():
        return True
    lines = (line.split() for line in MEMORY_FILE.read_text(encoding="ascii").splitlines())
    sizes = {words[0]: int(words[1]) for words in lines}
    return sizes["MemAvailable:"] > (1 - FULLEST) * sizes["MemTotal:"]
