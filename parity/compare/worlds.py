"""The algebra of world sizes: what stays when the same program runs as more ranks, and what holds between its ranks.

A world size is a way to spread the same training over processes. So the totals over all ranks (micro-batches and tokens
of each update) and the number of updates stay, the learning rate is the same where as much has been consumed, ranks
that hold replicas hold equal ones, and no two ranks see the same batch or write the same file.

A breach is a measurement whose reference is what the law demands. What a program never claims, nobody measures: a law
whose channel was not observed is not counted.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Final

import numpy as np

from parity.align.names import Alignment
from parity.compare.measurement import Comparison, Coverage, Difference, Measurement, sizes
from parity.trace.channels import CHANNELS
from parity.trace.model import Process, Series, Trace, Value

_TOTALS: Final = ("micro_steps", "tokens")
_REPLICATED: Final = ("parameter",)
_OWN: Final = ("batch",)
Law = Callable[["_Books", Trace, Trace], Iterator[Measurement]]


def compare_worlds(smaller: Trace, larger: Trace) -> Comparison:
    """What the same program breaks of the algebra in ``larger`` against ``smaller``, and between the ranks of it."""
    books = _Books()
    found = [one for law in _LAWS for one in law(books, smaller, larger)]
    return Comparison(
        reference=smaller,
        candidate=larger,
        alignment=Alignment(),
        measurements=tuple(sorted(found, key=lambda one: (*one.place, one.channel.name, one.name, one.rank))),
        not_compared=(),
        coverage=books.coverage(),
    )


def total(trace: Trace, channel: str) -> list[int]:
    """Sum over all ranks of a count, for each update; ranks that did not exist have done what rank 0 did."""
    recorded = [series for process in trace.processes if (series := process.get(channel)) is not None]
    if not recorded:
        return []
    factor = _world(trace) // len(trace.processes)
    by_update: Counter[int] = Counter()
    for series in recorded:
        for update, value in zip(series.updates.tolist(), series.values.tolist(), strict=True):
            by_update[update] += int(value) * factor
    return [by_update[update] for update in range(max(by_update) + 1)]


class _Books:
    """How much was held against the laws."""

    def __init__(self) -> None:
        self._checked: Counter[str] = Counter()
        self._broken: Counter[str] = Counter()

    def hold(
        self, channel: str, name: str, rank: int, update: int, demanded: Value | None, found: Value | None
    ) -> Iterator[Measurement]:
        """Measure where ``found`` is not what is ``demanded``."""
        self._checked[channel] += 1
        if demanded == found:
            return
        self._broken[channel] += 1
        declared = CHANNELS[channel]
        absolute, relative, ulp = (None, None, None)
        if demanded is not None and found is not None:
            absolute, relative, ulp = sizes(declared.kind, demanded, found)
        yield Measurement(
            channel=declared,
            name=name,
            candidate_name=name,
            rank=rank,
            difference=Difference.EXTRA if demanded is None else Difference.VALUE,
            update=update,
            ordinal=0,
            reference=demanded,
            candidate=found,
            absolute=absolute,
            relative=relative,
            ulp=ulp,
        )

    def coverage(self) -> dict[str, Coverage]:
        return {
            name: Coverage(series=1, values=self._checked[name], equal=self._checked[name] - self._broken[name])
            for name in CHANNELS
            if name in self._checked
        }


def _updates(books: _Books, smaller: Trace, larger: Trace) -> Iterator[Measurement]:
    """As many updates in every world, and on every rank."""
    demanded = max((process.updates for process in smaller.processes), default=0)
    for process in larger.processes:
        yield from books.hold("updates", "", process.rank, -1, demanded, process.updates)


def _sums(books: _Books, smaller: Trace, larger: Trace) -> Iterator[Measurement]:
    """The same micro-batches and tokens in each update, over all ranks together."""
    for channel in _TOTALS:
        for update, (demanded, found) in enumerate(zip(total(smaller, channel), total(larger, channel), strict=False)):
            yield from books.hold(channel, "over all ranks", 0, update, demanded, found)


def _rates(books: _Books, smaller: Trace, larger: Trace) -> Iterator[Measurement]:
    """The same learning rate wherever both worlds have consumed as many tokens."""
    ours, theirs = _by_consumption(smaller), _by_consumption(larger)
    for (name, consumed), (_, demanded) in ours.items():
        if (name, consumed) in theirs:
            update, found = theirs[name, consumed]
            yield from books.hold("lr", name, 0, update, demanded, found)


def _by_consumption(trace: Trace) -> dict[tuple[str, int], tuple[int, float]]:
    consumed = list(accumulate(total(trace, "tokens")))
    first = trace.rank(0)
    return {
        (series.name, consumed[update]): (update, value)
        for series in (first.channel("lr") if first else ())
        for update, value in zip(series.updates.tolist(), series.values.tolist(), strict=True)
        if 0 <= update < len(consumed)
    }


def _replicas(books: _Books, smaller: Trace, larger: Trace) -> Iterator[Measurement]:  # noqa: ARG001
    """Replicated parameters are equal on all ranks after every update. What DDP does not wrap may differ by intent."""
    first, *others = larger.processes or (None,)
    if first is None or first.get("gradient_syncs") is None:
        return
    for channel in _REPLICATED:
        for series in first.channel(channel):
            for process in others:
                yield from _first_unequal(books, series, process)


def _first_unequal(books: _Books, series: Series, process: Process) -> Iterator[Measurement]:
    other = process.get(*series.key)
    if other is None or len(other) != len(series):
        return
    unequal = np.flatnonzero(series.values != other.values)
    at = int(unequal[0]) if len(unequal) else 0
    update = int(series.updates[at])
    yield from books.hold(*series.key, process.rank, update, series.python(at), other.python(at))


def _shards(books: _Books, smaller: Trace, larger: Trace) -> Iterator[Measurement]:  # noqa: ARG001
    """No batch is seen by two ranks in the same update."""
    for channel in _OWN:
        owners: dict[tuple[str, int, Value], int] = {}
        for process in larger.processes:
            doubled = 0
            for series in process.channel(channel):
                for index, update in enumerate(series.updates.tolist()):
                    key = (series.name, update, series.python(index))
                    if owners.setdefault(key, process.rank) != process.rank and not doubled:
                        doubled = 1
                        yield from books.hold(channel, series.name, process.rank, update, None, key[2])
                    else:
                        yield from books.hold(channel, series.name, process.rank, update, key[2], key[2])


def _files(books: _Books, smaller: Trace, larger: Trace) -> Iterator[Measurement]:  # noqa: ARG001
    """No file is written by two ranks."""
    owners: dict[str, int] = {}
    for process in larger.processes:
        for series in process.channel("file_written"):
            owner = owners.setdefault(series.name, process.rank)
            written = series.python(0)
            demanded = written if owner == process.rank else None
            yield from books.hold("file_written", series.name, process.rank, int(series.updates[0]), demanded, written)


def _world(trace: Trace) -> int:
    """Number of ranks that the program believed in."""
    return max((int(process.header.get("world", 1)) for process in trace.processes), default=1)


_LAWS: Final[tuple[Law, ...]] = (_updates, _sums, _rates, _replicas, _shards, _files)
