"""What a user sees while programs run: which side of which scenario, how far it is, and its loss."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from parity.record.launch import Tick
from parity.run.plan import Progress, Scenario
from parity.trace.tail import Position, Tail

if TYPE_CHECKING:
    from rich.progress import TaskID


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
        self._numbers: dict[str, int] = {}

    def title(self, scenario: Scenario, stage: str) -> str:
        number = self._numbers.setdefault(self.whole(scenario), len(self._numbers) + 1)
        return f"[{number}/{self._total}] {scenario.pair}/{scenario.name}: {stage}"

    def whole(self, scenario: Scenario) -> str:
        """What is counted: a scenario of the policy, however many runs it is made of."""
        return f"{scenario.pair}/{scenario.within or scenario.name}"


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
    """A line for each side of the scenarios that run; the one that is done keeps its last position."""
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TextColumn

    from parity.run.clocks import Clock, Wheel, rest

    titles = _Titles(total)
    columns = (Wheel(), TextColumn("{task.description}"), Clock())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        lines: dict[str, _Line] = {}
        tails: dict[Path, Tail] = {}
        about: dict[int, str] = {}

        def progress(scenario: Scenario, stage: str, trace: Path | None) -> None:
            title, whole = titles.title(scenario, stage), titles.whole(scenario)
            about[threading.get_ident()] = whole
            if title not in lines:
                going_on = {about.get(thread.ident or 0) for thread in threading.enumerate()}
                for shown, line in list(lines.items()):
                    if line.whole not in going_on or (line.whole == whole and line.name != scenario.name):
                        bars.remove_task(lines.pop(shown).task)
                rest(bars, [line.task for line in lines.values() if line.whole == whole])
                lines[title] = _Line(whole, scenario.name, bars.add_task(title))
            if trace is not None:
                position = tails.setdefault(trace, Tail(trace)).refresh()
                bars.update(lines[title].task, description=f"{title}, {described(position)}", took=None)

        yield progress


class _Line(NamedTuple):
    """What is shown of a run: the scenario of the policy, the part of it that runs, and the line."""

    whole: str
    name: str
    task: "TaskID"
