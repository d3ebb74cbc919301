"""Laws between the ranks of one run: replicas are equal, and data, randomness and files are each rank's own."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np

from parity.compare.books import Books
from parity.compare.measurement import Measurement
from parity.trace.model import Process, Series, Trace, Value

_REPLICATED: Final = ("parameter",)
_OWN: Final = ("batch",)
_LONE: Final = frozenset(
    {"send", "recv", "isend", "irecv", "batch_isend_irecv", "send_object_list", "recv_object_list"}
)


def replicas(books: Books, trace: Trace) -> Iterator[Measurement]:
    """Replicated parameters are equal on all ranks after every update. What DDP does not wrap may differ by intent."""
    first, *others = trace.processes or (None,)
    if first is None or first.get("gradient_syncs") is None:
        return
    for channel in _REPLICATED:
        for series in first.channel(channel):
            for process in others:
                yield from _first_unequal(books, series, process)


def _first_unequal(books: Books, series: Series, process: Process) -> Iterator[Measurement]:
    other = process.get(*series.key)
    if other is None or len(other) != len(series):
        return
    unequal = np.flatnonzero(series.values != other.values)
    at = int(unequal[0]) if len(unequal) else 0
    update = int(series.updates[at])
    yield from books.hold(*series.key, process.rank, update, series.python(at), other.python(at))


def shards(books: Books, trace: Trace) -> Iterator[Measurement]:
    """No batch is seen by two ranks in the same update."""
    for channel in _OWN:
        owners: dict[tuple[str, int, Value], int] = {}
        for process in trace.processes:
            doubled = 0
            for series in process.channel(channel):
                for index, update in enumerate(series.updates.tolist()):
                    key = (series.name, update, series.python(index))
                    if owners.setdefault(key, process.rank) != process.rank and not doubled:
                        doubled = 1
                        yield from books.hold(channel, series.name, process.rank, update, None, key[2])
                    else:
                        yield from books.hold(channel, series.name, process.rank, update, key[2], key[2])


def own_samples(books: Books, trace: Trace) -> Iterator[Measurement]:
    """No sample is seen by two ranks in the same update, as far as samples were identified one by one."""
    owners: dict[tuple[int, Value], int] = {}
    for process in trace.processes:
        series = process.get("sample")
        if series is None:
            continue
        places = zip(series.updates.tolist(), series.values.tolist(), strict=True)
        doubled = Counter(at for at, one in places if owners.setdefault((at, one), process.rank) != process.rank)
        update = min(doubled, default=0)
        yield from books.hold("sample", "on two ranks at once", process.rank, update, 0, doubled[update])


def own_randomness(books: Books, trace: Trace) -> Iterator[Measurement]:
    """Random generators stand at another place on each rank when training begins."""
    owners: dict[tuple[str, Value], int] = {}
    for process in trace.processes:
        for series in process.channel("rng"):
            if len(series):
                value = series.python(0)
                alone = owners.setdefault((series.name, value), process.rank) == process.rank
                demanded = value if alone else None
                yield from books.hold("rng", series.name, process.rank, int(series.updates[0]), demanded, value)


def files(books: Books, trace: Trace) -> Iterator[Measurement]:
    """No file is written by two ranks."""
    owners: dict[str, int] = {}
    for process in trace.processes:
        for series in process.channel("file_written"):
            owner = owners.setdefault(series.name, process.rank)
            written = series.python(0)
            demanded = written if owner == process.rank else None
            yield from books.hold("file_written", series.name, process.rank, int(series.updates[0]), demanded, written)


def exchanges(books: Books, trace: Trace) -> Iterator[Measurement]:
    """All ranks issue as many collectives of each kind in each update, and exchange gradients equally often."""
    for channel in ("collective", "gradient_syncs", "gradient_bytes"):
        counts = [_amounts(process, channel) for process in trace.processes]
        for key in sorted({key for each in counts for key in each}):
            for process, each in zip(trace.processes[1:], counts[1:], strict=True):
                yield from books.hold(channel, key[0], process.rank, key[1], counts[0][key], each[key])


def _amounts(process: Process, channel: str) -> Counter[tuple[str, int]]:
    """Calls by operation and update, or what a channel without operations counts."""
    found: Counter[tuple[str, int]] = Counter()
    for series in process.channel(channel):
        if series.name not in _LONE:
            values = series.values.tolist() if not series.name else [1] * len(series)
            for update, value in zip(series.updates.tolist(), values, strict=True):
                found[series.name, update] += value
    return found
