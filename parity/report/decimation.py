"""Which of many points are drawn, so that a chart of them looks like a chart of all. For display, never for judging."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def pick(lines: Sequence[Floats], buckets: int, keep: Collection[int] = ()) -> NDArray[np.intp]:
    """Positions to draw of ``lines``, which are equally long, ascending.

    The points are divided into ``buckets``, and of each line the lowest and the highest of every bucket is drawn: no
    peak is lost. The first and the last position are always drawn, and so is everything in ``keep``. Where that would
    leave nothing out, all positions are.
    """
    length = len(lines[0]) if lines else 0
    if length <= 2 * buckets * len(lines):
        return np.arange(length)
    width = -(-length // buckets)
    starts = np.arange(-(-length // width)) * width
    chosen = [np.array([0, length - 1, *keep], dtype=np.intp)]
    for line in lines:
        padded = np.full(len(starts) * width, np.nan)
        padded[:length] = np.where(np.isfinite(line), line, np.nan)
        rows = padded.reshape(-1, width)
        lost = np.isnan(rows)
        lowest, highest = np.where(lost, np.inf, rows).argmin(axis=1), np.where(lost, -np.inf, rows).argmax(axis=1)
        chosen += [starts + lowest, starts + highest]
    picked: NDArray[np.intp] = np.unique(np.concatenate(chosen))
    return picked[picked < length]
