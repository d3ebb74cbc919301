"""The columns of the live lines: a wheel that turns and a clock that runs only while the stage of its line does.

The field ``took`` of a line is the seconds that its stage took, None while it goes on.
"""

from collections.abc import Iterable
from datetime import timedelta

from rich.console import RenderableType
from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TaskID
from rich.text import Text


class Wheel(SpinnerColumn):
    """Turns while the stage goes on."""

    def render(self, task: Task) -> RenderableType:
        """The wheel, or as much room."""
        return Text(" ") if task.fields.get("took") is not None else super().render(task)


class Clock(ProgressColumn):
    """How long the stage has been going on, or took."""

    def render(self, task: Task) -> Text:
        """Hours, minutes and seconds."""
        took = task.fields.get("took")
        seconds = (task.elapsed or 0) if took is None else took
        return Text(str(timedelta(seconds=int(seconds))), style="progress.elapsed")


def rest(bars: Progress, lines: Iterable[TaskID]) -> None:
    """Stop the clocks of ``lines``: the next stage has begun."""
    running = [one for one in bars.tasks if one.id in set(lines) and one.fields.get("took") is None]
    for task in running:
        bars.update(task.id, took=task.elapsed or 0.0)
