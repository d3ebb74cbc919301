"""The algebra of world sizes: what stays when the same program runs as more ranks, and what holds between its ranks.

A world size is a way to spread the same training over processes. So the totals over all ranks (micro-batches and tokens
of each update, samples that are evaluated) and the number of updates stay, the same samples are consumed, the learning
rate is the same where as much has been consumed, the loss is divided by the micro-steps that a rank makes, and the
first gradient is the same. What holds between ranks is in ``between_ranks``.

A breach is a measurement whose reference is what the law demands. What a program never claims, nobody measures: a law
whose channel was not observed is not counted.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import accumulate
from typing import Final

import numpy as np

from parity.align.names import Alignment, align_names
from parity.compare import between_ranks
from parity.compare.books import Books, complete, total
from parity.compare.measurement import Comparison, Measurement
from parity.compare.sketches import estimated
from parity.trace.model import Process, Trace
from parity.trace.shapes import dimensions

_TOTALS: Final = ("micro_steps", "tokens")
_EXACTLY: Final = 1e-5
Law = Callable[[Books, Trace, Trace], Iterator[Measurement]]


def compare_worlds(smaller: Trace, larger: Trace) -> Comparison:
    """What the same program breaks of the algebra in ``larger`` against ``smaller``, and between the ranks of it."""
    books = Books()
    found = [one for law in _LAWS for one in law(books, smaller, larger)]
    found += [one for rule in _BETWEEN_RANKS for one in rule(books, larger)]
    return Comparison(
        reference=smaller,
        candidate=larger,
        alignment=Alignment(),
        measurements=tuple(sorted(found, key=lambda one: (*one.place, one.channel.name, one.name, one.rank))),
        not_compared=(),
        coverage=books.coverage(),
    )


def _updates(books: Books, smaller: Trace, larger: Trace) -> Iterator[Measurement]:
    """As many updates in every world, and on every rank."""
    demanded = max((process.updates for process in smaller.processes), default=0)
    for process in larger.processes:
        yield from books.hold("updates", "", process.rank, -1, demanded, process.updates)


def _sums(books: Books, smaller: Trace, larger: Trace) -> Iterator[Measurement]:
    """The same micro-batches and tokens in each update, over all ranks together."""
    for channel in _TOTALS:
        for update, (demanded, found) in enumerate(zip(total(smaller, channel), total(larger, channel), strict=False)):
            yield from books.hold(channel, "over all ranks", 0, update, demanded, found)


def _samples(books: Books, smaller: Trace, larger: Trace) -> Iterator[Measurement]:
    """The same samples in the whole run, each as often: none lost and none doubled."""
    ours, theirs = (_consumed(trace) for trace in (smaller, larger))
    if ours and theirs:
        for name, more, less in (("lost", ours, theirs), ("doubled", theirs, ours)):
            yield from books.hold("sample", name, 0, 0, 0, sum((more - less).values()))


def _consumed(trace: Trace, update: int | None = None) -> Counter[int]:
    """How often each sample is consumed over all ranks, in the whole run or in one update."""
    found: Counter[int] = Counter()
    for process in trace.processes if complete(trace) else ():
        series = process.get("sample")
        if series is not None:
            found.update((series.values if update is None else series.at(update)).tolist())
    return found


def _evaluations(books: Books, smaller: Trace, larger: Trace) -> Iterator[Measurement]:
    """As many samples in each evaluation, over all ranks together."""
    ours, theirs = _evaluated(smaller), _evaluated(larger)
    for update in sorted(ours.keys() & theirs.keys()):
        yield from books.hold("eval_forwards", "samples over all ranks", 0, update, ours[update], theirs[update])


def _evaluated(trace: Trace) -> Counter[int]:
    found: Counter[int] = Counter()
    for process in trace.processes if complete(trace) else ():
        series = process.get("eval_batch_shape", "0")
        for update, text in zip(series.updates.tolist(), series.values, strict=True) if series is not None else ():
            found[update] += next(iter(dimensions(text) or ()), 0)
    return found


def _rates(books: Books, smaller: Trace, larger: Trace) -> Iterator[Measurement]:
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


def _divisors(books: Books, smaller: Trace, larger: Trace) -> Iterator[Measurement]:
    """What the loss is divided by grows and shrinks with the micro-steps of a rank."""
    ours, theirs = _divisor(smaller), _divisor(larger)
    if ours is None or theirs is None:
        return
    (before, steps), (after, others) = ours, theirs
    demanded = before * others / steps
    found = demanded if abs(after / demanded - 1) < _EXACTLY else after
    yield from books.hold("loss", "divisor", 0, 0, demanded, found)


def _divisor(trace: Trace) -> tuple[float, int] | None:
    """What rank 0 divides by in its first update, where that is one number, and its micro-steps there."""
    first = trace.rank(0)
    output, loss = (first.get("output", "0"), first.get("loss")) if first else (None, None)
    if output is None or loss is None or not len(loss):
        return None
    update = int(loss.updates[0])
    returned, differentiated = output.at(update), loss.at(update)
    if len(returned) != len(differentiated) or not (np.isfinite(returned).all() and differentiated.all()):
        return None
    ratios = returned / differentiated
    constant = ratios[0] != 0 and np.allclose(ratios, ratios[0], rtol=_EXACTLY, atol=0)
    return (float(ratios[0]), len(ratios)) if constant else None


def _gradients(books: Books, smaller: Trace, larger: Trace) -> Iterator[Measurement]:
    """The same first gradient, where it is made of the same samples; the estimate says how far apart they are."""
    ours, theirs = smaller.rank(0), larger.rank(0)
    consumed = _consumed(smaller, 0)
    if ours is None or theirs is None or not consumed or consumed != _consumed(larger, 0):
        return
    alignment = align_names(ours, theirs)
    for series in ours.channel("gradient"):
        other = theirs.get("gradient", alignment.candidate_name("gradient", series.name))
        if other is not None and len(series.at(0)) == len(other.at(0)) == 1:
            for one in books.hold("gradient", series.name, 0, 0, series.python(0), other.python(0)):
                yield from _estimated(replace(one, candidate_name=other.name), ours, theirs)


def _estimated(one: Measurement, ours: Process, theirs: Process) -> Iterator[Measurement]:
    """``one`` with its distance; where nobody knows it, the order of additions would be enough of a reason."""
    known = estimated(one, ours, theirs)
    if known.estimate is not None:
        yield known


_LAWS: Final[tuple[Law, ...]] = (_updates, _sums, _samples, _evaluations, _rates, _divisors, _gradients)
_BETWEEN_RANKS: Final = (
    between_ranks.replicas,
    between_ranks.shards,
    between_ranks.own_samples,
    between_ranks.own_randomness,
    between_ranks.exchanges,
    between_ranks.files,
)
