"""A line at the bottom of a terminal that tells how far a run has come; nothing where there is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

BAR_WIDTH = 20


class Progress:
    """Counts steps from ``start`` to ``total`` and estimates how long the rest takes."""

    def __init__(
        self,
        *,
        start: int,
        total: int,
        label: str = "",
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Write to ``stream``, by default stderr, only if it is a terminal.

        ``label`` says what it is that progresses, where there are several; ``clock`` returns seconds.
        """
        self._label = f"{label} " if label else ""
        self._start = start
        self._total = total
        stream = stream or sys.stderr
        self._stream = stream if stream.isatty() else None
        self._clock = clock
        self._begin = clock()

    def show(self, step: int, *, loss: float) -> None:
        """Show that ``step`` is done."""
        if self._stream is None:
            return
        seconds = self._clock() - self._begin
        rest = seconds / max(1, step - self._start) * max(0, self._total - step)
        bar = "#" * (BAR_WIDTH * step // max(1, self._total))
        place = f"step {step}/{self._total}, loss {loss:.4f}, {rest / 60:.0f} min left"
        line = f"{self._label}[{bar:-<{BAR_WIDTH}}] {place}"
        self._stream.write(f"\r{line}\033[K")
        self._stream.flush()

    def clear(self) -> None:
        """Make room for a printed line."""
        if self._stream is not None:
            self._stream.write("\r\033[K")
            self._stream.flush()
