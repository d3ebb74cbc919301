"""The chart of an ablation: how the validation loss of each step fell, and where it ended.

It needs matplotlib, which is an extra: ``pip install training-parity[plots]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from trainers.common.errors import ConfigError

WIDTH, HEIGHT = 11.0, 4.5
COLORS = 20


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The validation losses of one step, in nats per token, at the iterations of its evaluations, and its last one."""

    step: str
    iterations: Sequence[int]
    losses: Sequence[float]
    final: float


def require_matplotlib() -> None:
    """Make sure that a chart can be drawn, before hours are spent on what it shows.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise ConfigError(["the chart needs matplotlib: pip install training-parity[plots], or --no-chart"])


def write_chart(curves: Sequence[Curve], path: Path) -> None:
    """Draw all steps into an SVG or PNG file, with the same bytes for the same numbers."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "ablation", "svg.fonttype": "none", "font.size": 9.0}):
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        left, right = figure.subplots(1, 2)
        colors = [mpl.colormaps["tab20"](number) for number in range(COLORS)]
        for number, curve in enumerate(curves):
            left.plot(curve.iterations, curve.losses, label=curve.step, color=colors[number % COLORS])
        left.set(xlabel="iteration", ylabel="validation loss (nats per token)", title="while training")
        left.legend(ncols=2, fontsize="x-small")
        # bars begin at zero, so that their lengths can be compared
        right.bar(
            [curve.step for curve in curves],
            [curve.final - curves[0].final for curve in curves],
            color=[colors[number % COLORS] for number in range(len(curves))],
        )
        right.axhline(0.0, color="black", linewidth=0.8)
        right.set(
            xlabel="step",
            ylabel=f"validation loss against {curves[0].step}",
            title=f"at the end; below {curves[0].step} is better",
        )
        right.tick_params("x", rotation=90)
        # a date would make every file another one
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
