"""What a user sees while programs run: which side of which scenario, and how far it is."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parity.run.plan import Scenario
from parity.run.session import Progress
from parity.trace.tail import Tail


@contextmanager
def progress_shown(total: int) -> Iterator[Progress]:
    """Yield a progress callback that talks to standard error: a live line on a terminal, else one line per stage."""
    if sys.stderr.isatty():
        with _live(total) as progress:
            yield progress
    else:
        yield _Lines(total)


class _Stages:
    """Counts scenarios and follows the trace of the side that is running."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._seen: list[str] = []
        self._tail: tuple[Path, Tail] | None = None

    def title(self, scenario: Scenario, stage: str) -> str:
        name = f"{scenario.pair}/{scenario.name}"
        if name not in self._seen:
            self._seen.append(name)
        return f"[{len(self._seen)}/{self._total}] {name}: {stage}"

    def update(self, trace: Path | None) -> int:
        if trace is None:
            return -1
        if self._tail is None or self._tail[0] != trace:
            self._tail = (trace, Tail(trace))
        return self._tail[1].refresh()


class _Lines:
    """One line whenever the stage changes, for logs."""

    def __init__(self, total: int) -> None:
        self._stages = _Stages(total)
        self._last = ""

    def __call__(self, scenario: Scenario, stage: str, trace: Path | None) -> None:  # noqa: ARG002
        line = self._stages.title(scenario, stage)
        if line != self._last:
            self._last = line
            sys.stderr.write(line + "\n")
            sys.stderr.flush()


@contextmanager
def _live(total: int) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    stages = _Stages(total)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting")

        def progress(scenario: Scenario, stage: str, trace: Path | None) -> None:
            update = stages.update(trace)
            done = f", update {update}" if update >= 0 else ""
            bar.update(task, description=stages.title(scenario, stage) + done)

        yield progress
