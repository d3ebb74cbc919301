"""What a run shows of itself: charts and JSON files in one directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from trainers.common.errors import ConfigError
from trainers.stream.charts import Style, draw
from trainers.stream.history import History, TextSample, read_history

LATEST_NAME = "training_latest.png"


class Book(Protocol):
    """Takes in what is measured, and publishes it when asked to."""

    def add(self, row: Mapping[str, float]) -> None:
        """Take in one row of the history."""

    def show(self, sample: TextSample) -> None:
        """Take in a text sample."""

    def publish(self, step: int) -> None:
        """Draw the charts under the number ``step``, and write the JSON files."""

    def close(self) -> None:
        """Wait until everything is on disk."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where a book goes and what it looks like; without ``charts`` it is the JSON files alone."""

    directory: Path
    style: Style
    dots_per_inch: int
    charts: bool = True
    resumed_at: int = 0
    """Rows of an earlier run that count less than this are kept."""


class PlainBook:
    """Publishes at once, on the thread that asks for it."""

    def __init__(self, layout: Layout) -> None:
        """Make the directory.

        Raises:
            DataError: files of an earlier run, with which this one is to go on, cannot be used.
        """
        self._layout = layout
        layout.directory.mkdir(parents=True, exist_ok=True)
        self._history = read_history(layout.directory, layout.style.columns, before=layout.resumed_at)

    @property
    def history(self) -> History:
        """Everything taken in."""
        return self._history

    def add(self, row: Mapping[str, float]) -> None:
        """Take in one row of the history."""
        self._history.add(row)

    def show(self, sample: TextSample) -> None:
        """Take in a text sample."""
        self._history.samples.append(sample)

    def publish(self, step: int) -> None:
        """Draw and write."""
        layout = self._layout
        figure = draw(self._history, layout.style, step=step) if layout.charts else None
        if figure is not None:
            for name in (f"training_{layout.style.noun.lower()}_{step:06d}.png", LATEST_NAME):
                figure.savefig(layout.directory / name, dpi=layout.dots_per_inch, bbox_inches="tight")
        self._history.write(layout.directory)

    def close(self) -> None:
        """Nothing is left to be done."""


def require_matplotlib() -> None:
    """Find out before the training that there can be charts.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise ConfigError(
            ["charts need matplotlib, which is not there; install the extra 'plots', or use --charts none"]
        )
