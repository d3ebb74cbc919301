"""What a user sees while programs run: which side of which scenario, how far it is, and its loss."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parity.record.launch import Tick
from parity.run.plan import Progress, Scenario
from parity.trace.tail import Position, Tail


@contextmanager
def progress_shown(total: int) -> Iterator[Progress]:
    """Yield a progress callback that talks to standard error: live lines on a terminal, else one line per stage."""
    if sys.stderr.isatty():
        with _live(total) as progress:
            yield progress
    else:
        yield _Lines(total)


class _Titles:
    """Counts scenarios."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._seen: list[str] = []

    def title(self, scenario: Scenario, stage: str) -> str:
        whole = f"{scenario.pair}/{scenario.within or scenario.name}"
        if whole not in self._seen:
            self._seen.append(whole)
        return f"[{len(self._seen)}/{self._total}] {scenario.pair}/{scenario.name}: {stage}"


class _Lines:
    """One line whenever the stage changes, for logs."""

    def __init__(self, total: int) -> None:
        self._titles = _Titles(total)
        self._seen: set[str] = set()

    def __call__(self, scenario: Scenario, stage: str, trace: Path | None) -> None:  # noqa: ARG002
        line = self._titles.title(scenario, stage)
        if line not in self._seen:
            self._seen.add(line)
            sys.stderr.write(line + "\n")
            sys.stderr.flush()


def described(position: Position) -> str:
    """A position in words: ``update 12, backward, loss 3.4152``."""
    if position.update < 0:
        return f"before the first update, {position.phase.name.lower()}"
    loss = f", loss {position.loss:.6g}" if position.loss is not None else ""
    return f"update {position.update}, {position.phase.name.lower()}{loss}"


@contextmanager
def position_shown() -> Iterator[Tick]:
    """Yield a callback that keeps one line on standard error about the trace being written; silent off a terminal."""
    from rich.console import Console
    from rich.status import Status

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    tails: dict[Path, Tail] = {}
    with Status("starting", console=console) as status:
        yield lambda trace: status.update(described(tails.setdefault(trace, Tail(trace)).refresh()))


@contextmanager
def _live(total: int) -> Iterator[Progress]:
    """A line for each side of the scenario that runs; the one that is done keeps its last position."""
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID, TextColumn

    from parity.run.clocks import Clock, Wheel, rest

    titles = _Titles(total)
    columns = (Wheel(), TextColumn("{task.description}"), Clock())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        lines: dict[str, TaskID] = {}
        tails: dict[Path, Tail] = {}

        def progress(scenario: Scenario, stage: str, trace: Path | None) -> None:
            title = titles.title(scenario, stage)
            if title not in lines:
                for line in [shown for shown in lines if not shown.startswith(title.partition(":")[0])]:
                    bars.remove_task(lines.pop(line))
                rest(bars, lines.values())
                lines[title] = bars.add_task(title)
            if trace is not None:
                position = tails.setdefault(trace, Tail(trace)).refresh()
                bars.update(lines[title], description=f"{title}, {described(position)}", took=None)

        yield progress
