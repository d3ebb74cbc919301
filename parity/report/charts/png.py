"""One curve as PNG, for what shows no SVG. Needs matplotlib, which the extra ``plots`` brings."""

import io
from typing import Any, Final

import numpy as np

from parity.errors import MissingExtraError
from parity.report.curves import Curve
from parity.report.wording import shorten, visible

_BUCKETS: Final = 160
_DOTS_PER_INCH: Final = 120
_INCHES: Final = (7.6, 3.6)
_LONGEST: Final = 80


def paint(curve: Curve) -> bytes:
    """Paint ``curve``: the same curve always gives the same bytes with the same matplotlib.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        message = "PNG charts need matplotlib; install it with: pip install 'training-parity[plots]', or use the SVG"
        raise MissingExtraError(message) from error
    shown = curve.decimated(_BUCKETS)
    figure = Figure(figsize=_INCHES, dpi=_DOTS_PER_INCH, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    _values(above, shown)
    _sizes(below, shown)
    # A name with dollars is no formula.
    above.set_title(visible(shorten(curve.title, _LONGEST)), loc="left", fontsize="medium", parse_math=False)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def _values(axes: Any, curve: Curve) -> None:
    if curve.floor is not None:
        low, high = curve.reference - curve.floor, curve.reference + curve.floor
        axes.fill_between(curve.x, low, high, color="0.6", alpha=0.4, label="ten times the noise floor")
    axes.plot(curve.x, _drawable(curve.reference), color="#2f81f7", linewidth=2, label="reference")
    if not curve.is_equal:
        axes.plot(
            curve.x, _drawable(curve.candidate), color="#d9730d", linewidth=1.2, linestyle="--", label="candidate"
        )
        axes.axvline(curve.x[curve.first], color="#e5534b", linewidth=0.8, linestyle=":", label="first difference")
    axes.legend(fontsize="small")


def _sizes(axes: Any, curve: Curve) -> None:
    sizes = np.abs(curve.difference)
    known = np.isfinite(sizes) & (sizes > 0)
    axes.set_xlabel("update")
    axes.set_ylabel("difference")
    if known.any():
        axes.set_yscale("log")
        axes.vlines(curve.x[known], sizes[known].min() / 2, sizes[known], color="#e5534b", linewidth=1)
        if curve.floor is not None:
            axes.plot(curve.x, np.where(curve.floor > 0, curve.floor, np.nan), color="0.5", linestyle=":")


def _drawable(values: Any) -> Any:
    return np.where(np.isfinite(values), values, np.nan)
