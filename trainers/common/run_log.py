"""The log file of a run: one line per event, with the time, readable while the run goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self


class RunLog:
    """A line-buffered file ``log_run_<timestamp>.txt``, or no file at all; events are printed in either case."""

    def __init__(self, directory: Path | None, clock: Callable[[], float] = time.time) -> None:
        """Open a file in ``directory``, which is made if need be; None means no file."""
        self._clock = clock
        self._file = None
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            stamp = self._now("%Y%m%d_%H%M%S")
            self._file = (directory / f"log_run_{stamp}.txt").open("w", buffering=1, encoding="utf-8")
            self.write(f"training run {stamp}")

    def __enter__(self) -> Self:
        """Return the log itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def write(self, line: str) -> None:
        """Put a line into the file only."""
        if self._file is not None:
            self._file.write(f"[{self._now('%Y-%m-%d %H:%M:%S')}] {line}\n")

    def write_config(self, values: Mapping[str, object]) -> None:
        """Put the configuration into the file, sorted by key."""
        for key in sorted(values):
            self.write(f"config {key} = {values[key]!r}")

    def event(self, line: str) -> None:
        """Print a line and put it into the file."""
        print(line)
        self.write(line)

    def _now(self, template: str) -> str:
        return time.strftime(template, time.localtime(self._clock()))
