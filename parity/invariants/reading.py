"""What several rules read off a trace."""

import re
from collections.abc import Collection, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from parity.trace.channels import CHANNELS, Kind
from parity.trace.model import Process, Series, Trace

_ROOT: Final = re.compile(r"\w+#\d+\.")


def silence(trace: Trace, channels: Collection[str]) -> str:
    """Why nothing can be said about ``channels`` in this trace; empty where each was observed in some process."""
    if not trace.processes:
        return "no process of the run was recorded"
    held = {channel for process in trace.processes for channel, _ in process.series}
    missing = [name for name in channels if name not in held]
    if not missing:
        return ""
    if CHANNELS[missing[0]].kind is Kind.DIGEST and _levels(trace) == {"scalars"}:
        return f"recorded at level scalars, without {missing[0]}"
    return next(gaps(trace, missing), "") or f"nothing was observed in {missing[0]}"


def gaps(trace: Trace, channels: Collection[str]) -> Iterator[str]:
    """What a process says of parts of ``channels`` that it could not observe."""
    for process in trace.processes:
        for note in process.notes:
            if not set(channels).isdisjoint(note.get("channels", ())):
                error = note.get("error", "")
                yield str(note.get("blind") or f"the probe {note.get('probe')} was switched off: {error}")


def _levels(trace: Trace) -> set[str]:
    return {str(process.header.get("level")) for process in trace.processes}


def first(series: Series, mask: NDArray[np.bool_]) -> tuple[int, int, int] | None:
    """Index and update of the first value under ``mask``, and how many follow; None where there is none."""
    (found,) = np.nonzero(mask)
    return (int(found[0]), int(series.updates[found[0]]), len(found) - 1) if len(found) else None


def root(name: str) -> str:
    """What the names of all parameters of one model begin with; empty for the first model."""
    match = _ROOT.match(name)
    return match.group() if match else ""


def trained(process: Process) -> set[str]:
    """Roots of the models that an optimizer holds parameters of."""
    return {root(series.name) for series in process.channel("optimizer_group")}


def skipped(process: Process) -> NDArray[np.int64]:
    """Updates that the loss scaler skipped."""
    series = process.get("step_skipped")
    return np.empty(0, np.int64) if series is None else series.updates[series.values == 1]


def per_update(process: Process, channel: str, name: str = "") -> dict[int, int]:
    """Sum of an integer series under each update."""
    series = process.get(channel, name)
    if series is None:
        return {}
    updates, inverse = np.unique(series.updates, return_inverse=True)
    sums = np.zeros(len(updates), np.int64)
    np.add.at(sums, inverse, series.values)
    return dict(zip(updates.tolist(), sums.tolist(), strict=True))


def is_data_parallel(trace: Trace) -> bool:
    """Whether the program wraps a model in DistributedDataParallel."""
    return any(any(process.channel("distributed_option")) for process in trace.processes)


def texts(process: Process, channel: str) -> Iterator[tuple[str, str]]:
    """Name and text of every value of a channel."""
    for series in process.channel(channel):
        for value in series.values.tolist():
            yield series.name, str(value)
