"""A stopwatch for the parts of an iteration."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SMOOTHING = 0.1


class SectionTimer:
    """Seconds per iteration spent in named, nested sections, as exponential averages."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Read the time, in seconds, from ``clock``."""
        self._clock = clock
        self._open: list[str] = []
        self._current: dict[str, float] = {}
        self._averages: dict[str, float] = {}

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Count the time inside for ``name``, below the sections that are open already."""
        self._open.append(name)
        path = "/".join(self._open)
        begin = self._clock()
        try:
            yield
        finally:
            self._current[path] = self._current.get(path, 0.0) + self._clock() - begin
            self._open.pop()

    def end_iteration(self) -> None:
        """Fold this iteration into the averages."""
        for path, seconds in self._current.items():
            previous = self._averages.get(path, seconds)
            self._averages[path] = (1 - SMOOTHING) * previous + SMOOTHING * seconds
        self._current = {}

    def averages(self) -> dict[str, float]:
        """Seconds per iteration by section; a nested one is called ``outer/inner``."""
        return dict(sorted(self._averages.items()))
