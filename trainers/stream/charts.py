"""The seven charts of a run in one figure. A figure belongs to whoever asked for it and to no list of open ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from trainers.stream.history import History, TextSample

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import GridSpec

SIZE = (20, 12)
"""Inches."""
ROWS_SHOWN = 5
WIDTHS = (0.08, 0.41, 0.41, 0.1)
"""Shares of the columns of the table."""
LEFT, RIGHT = "tab:blue", "tab:orange"
"""Colours of what is measured by the scale on that side."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """What the charts of one mode look like; ``count`` and ``fourth`` are columns of the history."""

    noun: str
    count: str
    columns: tuple[str, ...]
    minimum_points: int
    window: int
    """Points of a moving average, which is drawn where there are more; with ``short_window``, also of fewer."""
    averaged: tuple[str, ...]
    recent: int
    longest_text: int
    short_window: bool = False

    def window_of(self, points: int) -> int | None:
        """Points of the moving average of so many, None where there is to be none."""
        if self.short_window:
            return min(self.window, points)
        return self.window if points > self.window else None


STEPS = Style(
    noun="Step",
    count="steps",
    columns=("steps", "loss", "accuracy", "throughput", "learning_rate"),
    minimum_points=10,
    window=50,
    averaged=("loss", "accuracy"),
    recent=500,
    longest_text=40,
)
CHUNKS = Style(
    noun="Chunk",
    count="chunks",
    columns=("chunks", "loss", "accuracy", "throughput", "tokens_processed", "learning_rate"),
    minimum_points=2,
    window=5,
    short_window=True,
    averaged=("loss",),
    recent=20,
    longest_text=60,
)


def moving_average(values: Sequence[float], window: int) -> npt.NDArray[np.float64]:
    """Means of ``window`` values each; one belongs to the last of its values, so there are ``window`` - 1 fewer."""
    return np.convolve(values, np.ones(window) / window, mode="valid")


def draw(history: History, style: Style, *, step: int) -> Figure | None:
    """Draw all charts; None where there are too few points for it."""
    if len(history) < style.minimum_points:
        return None
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE)
    # room for the titles below and for the scales at the right of neighbours
    grid = figure.add_gridspec(3, 3, hspace=0.35, wspace=0.3, top=0.93)
    figure.suptitle(f"Training Progress - {style.noun} {step}", fontsize="xx-large")
    percent = [100 * one for one in history.columns["accuracy"]]
    _curve(figure.add_subplot(grid[0, 0]), history, style, "loss", history.columns["loss"], "Loss")
    accuracy = figure.add_subplot(grid[0, 1])
    _curve(accuracy, history, style, "accuracy", percent, "Accuracy (%)")
    accuracy.set_ylim(0, 100)
    _throughput(figure.add_subplot(grid[0, 2]), history, style)
    _fourth(figure.add_subplot(grid[1, 0]), history, style)
    _against(figure, figure.add_subplot(grid[1, 1]), history, style, percent)
    _recent(figure, grid, history, style, percent)
    _table(figure.add_subplot(grid[2, :]), history.samples[-ROWS_SHOWN:], style)
    return figure


def _curve(axes: Axes, history: History, style: Style, name: str, values: Sequence[float], label: str) -> None:
    counts = history.columns[style.count]
    axes.plot(counts, values, alpha=0.4, label=name)
    window = style.window_of(len(values)) if name in style.averaged else None
    if window is not None:
        average = moving_average(values, window)
        axes.plot(counts[window - 1 :], average, label=f"{window}-{style.noun.lower()} average")
        axes.legend()
    axes.set(title=f"Training {name.capitalize()}", xlabel=style.noun, ylabel=label)


def _throughput(axes: Axes, history: History, style: Style) -> None:
    axes.plot(history.columns[style.count], history.columns["throughput"])
    axes.set(title="Throughput", xlabel=style.noun, ylabel="Tokens/sec")


def _fourth(axes: Axes, history: History, style: Style) -> None:
    """The learning rate; beside it, where they are counted, the tokens so far."""
    counts = history.columns[style.count]
    if "tokens_processed" in history.columns:
        axes.plot(counts, history.columns["tokens_processed"], color=LEFT)
        axes.set(title="Tokens Processed", xlabel=style.noun, ylabel="Tokens")
        twin = axes.twinx()
        twin.plot(counts, history.columns["learning_rate"], color=RIGHT)
        twin.set(ylabel="Learning Rate", yscale="log")
        _tell_apart(axes, twin)
        return
    axes.plot(counts, history.columns["learning_rate"])
    axes.set(title="Learning Rate", xlabel=style.noun, ylabel="Learning Rate", yscale="log")


def _against(figure: Figure, axes: Axes, history: History, style: Style, percent: Sequence[float]) -> None:
    points = axes.scatter(history.columns["loss"], percent, c=history.columns[style.count], alpha=0.6)
    figure.colorbar(points, ax=axes, label=style.noun)
    axes.set(title="Loss vs Accuracy", xlabel="Loss", ylabel="Accuracy (%)")


def _recent(figure: Figure, grid: GridSpec, history: History, style: Style, percent: Sequence[float]) -> None:
    """Loss and accuracy of the last points: of long runs only, unless averages are short as well."""
    if len(history) <= style.recent and not style.short_window:
        return
    loss, percent = history.columns["loss"][-style.recent :], percent[-style.recent :]
    axes = figure.add_subplot(grid[1, 2])
    axes.plot(range(len(loss)), loss, color=LEFT)
    title = f"Recent Performance (last {style.recent})"
    axes.set(title=title, xlabel=f"Recent {style.noun}", ylabel="Loss")
    twin = axes.twinx()
    twin.plot(range(len(percent)), percent, color=RIGHT)
    twin.set(ylabel="Accuracy (%)")
    _tell_apart(axes, twin)


def _tell_apart(axes: Axes, twin: Axes) -> None:
    """Write at both scales in the colour of what is measured by them."""
    axes.yaxis.label.set_color(LEFT)
    twin.yaxis.label.set_color(RIGHT)


def _table(axes: Axes, samples: Sequence[TextSample], style: Style) -> None:
    axes.axis("off")
    axes.set(title="Text Samples")
    cells = [
        [str(one["step"]), _cut(one["input"], style), _cut(one["output"], style), f"{one['accuracy']:.1%}"]
        for one in samples
    ]
    if cells:
        table = axes.table(
            cellText=cells,
            colLabels=[style.noun, "Input", "Model Output", "Accuracy"],
            colWidths=WIDTHS,
            cellLoc="left",
            loc="upper center",
        )
        table.scale(1, 1.8)
        for cell in table.get_celld().values():
            # dollars in a text are no formula
            cell.get_text().set_parse_math(False)


def _cut(text: str, style: Style) -> str:
    """The beginning of a text, with a mark for every character that cannot be drawn."""
    text = "".join(one if one.isprintable() else "?" for one in text)
    return text[: style.longest_text] + "..." if len(text) > style.longest_text else text
