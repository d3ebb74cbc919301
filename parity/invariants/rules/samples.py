"""The samples of a training: each batch is used, and used once."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from parity.invariants.model import Found, Invariant, Unseen, violation
from parity.invariants.reading import first, per_update
from parity.trace.model import Process, Trace

_FEWEST: Final = 5
_MOSTLY: Final = 0.8
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)


def _used_once(trace: Trace) -> Iterator[Found]:
    for process in trace.processes:
        series = process.get("batch", "0")
        if series is None:
            yield Unseen("no batch was seen")
            continue
        contents = _contents(process)
        again = np.zeros(len(contents), bool)
        again[1:] = contents[1:] == contents[:-1]
        found = first(series, again)
        if found is None:
            continue
        if len(contents) < _FEWEST or len(np.unique(contents)) < _MOSTLY * len(contents):
            yield Unseen("there are few batches, or they repeat as a matter of course")
            continue
        index, update, more = found
        observed = f"batch {series.python(index)} twice in a row"
        yield violation("batch", "0", process.rank, update, observed, "the next one", more=more)


def _contents(process: Process) -> NDArray[np.uint64]:
    """One number for each batch, over all arguments that come with every batch."""
    parts = list(process.channel("batch"))
    total = np.zeros(len(parts[0]), np.uint64)
    for one in parts:
        if len(one) == len(total):
            total = total * _MIX + one.values
    return total


def _all_used(trace: Trace) -> Iterator[Found]:
    matched = False
    for process in trace.processes:
        forwards = process.get("batch", "0")
        updates = process.updates
        if forwards is None or updates < _FEWEST:
            continue
        used = np.bincount(forwards.updates[forwards.updates >= 0], minlength=updates)[:updates]
        for series in process.channel("loader_batches"):
            served = per_update(process, "loader_batches", series.name)
            counts = np.array([served.get(update, 0) for update in range(updates)])
            if (counts[1:] == used[1:]).mean() < _MOSTLY:
                continue
            matched = True
            surplus = np.cumsum(counts - used)
            # What is fetched ahead of the first update stays ahead, and does not grow.
            (grown,) = np.nonzero(surplus > max(0, surplus[0]))
            if len(grown):
                update = int(grown[0])
                observed = f"{counts[update]} batches served, {used[update]} used"
                yield violation("loader_batches", series.name, process.rank, update, observed, "every batch used")
    if not matched:
        yield Unseen("no data loader serves one batch for every forward")


RULES = (
    Invariant(
        id="samples-once",
        title="No batch is used twice in a row",
        broken="A batch is used twice in a row",
        needs=("batch",),
        check=_used_once,
        consequence="Some samples count double, and others may never be seen.",
        advice="Look where the next batch is fetched: after a skip, a resume or an evaluation.",
    ),
    Invariant(
        id="samples-all",
        title="Every batch that a data loader serves is used",
        broken="Batches that a data loader serves are not used",
        needs=("batch", "loader_batches"),
        check=_all_used,
        consequence="Samples are lost without a word.",
        advice="Look for batches that are fetched and dropped: a second next(), a skipped condition, an exception.",
    ),
)
