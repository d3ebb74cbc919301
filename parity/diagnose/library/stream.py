"""Causes in the order of the data: batches left out, inserted, or served again."""

from collections.abc import Sequence
from typing import Final

from parity.diagnose.case import Case, Pair, Place
from parity.diagnose.library import evidence
from parity.diagnose.library.order import in_order
from parity.diagnose.library.reach import VALUE, expects, explained, first
from parity.diagnose.registry import Cause, rule
from parity.trace.model import Series

_FARTHEST: Final = 8
_FEWEST: Final = 3
_LENGTHS: Final = ("batch_shape", "target_shape", "tokens")

Uses = dict[int, Place]


@rule(
    "batches-shifted",
    needs=("batch",),
    predicts="batches, also of evaluations that take from the same stream, and every number from there on",
    advice="Look for a batch that is fetched and thrown away (a trial batch, a prefetch, a skip on resume), or fetched "
    "once too rarely.",
)
def batches_shifted(case: Case) -> Cause | None:
    """From some batch on, the candidate serves the reference's batches, a few places early or late."""
    pair = _batches(case, of_any_shape=True)
    if pair is None:
        return None
    ours, theirs = (series.values.tolist() for series in pair)
    start = _parting(ours, theirs)
    for distance in range(1, _FARTHEST + 1):
        for shift in (distance, -distance):
            points = _held(ours, theirs, start, shift)
            if points:
                relation = f"candidate(i) = reference(i {'+' if shift > 0 else '-'} {distance})"
                line = f"{relation} for {points} training batches, from there to the end"
                return _shift_cause(case, pair, start, shift, line)
    shift, line = _displaced(case, pair)
    return _shift_cause(case, pair, start, shift, line) if shift else None


@rule(
    "batches-repeated",
    needs=("batch",),
    predicts="batches, also of evaluations that take from the same stream, and every number from there on",
    advice="Look for a batch fetched outside the micro-step loop, an iterator that is made anew, or a sampler whose "
    "epoch is never set.",
)
def batches_repeated(case: Case) -> Cause | None:
    """In the update that parts, the candidate serves a batch again where the reference serves a new one."""
    pair = _batches(case)
    if pair is None:
        return None
    ours, theirs = (series.values.tolist() for series in pair)
    start = _parting(ours, theirs)
    length = min(len(ours), len(theirs))
    update = int(pair[1].updates[start])
    end = min(length, int(pair[1].updates.searchsorted(update + 1)))
    at = next((i for i in range(start, end) if theirs[i] in theirs[:i] and ours[i] not in ours[:i]), None)
    if at is None:
        return None
    earlier = theirs.index(theirs[at])
    return Cause(
        id="batches-repeated",
        title="The candidate trains again on batches that it has already served",
        explains=_order_explains(case, pair, start),
        evidence=(
            f"batch {at} of the candidate, {evidence.moment(update)}, is its batch {earlier} again",
            evidence.both(
                f"different batches among the first {length}", *(len(set(side[:length])) for side in (ours, theirs))
            ),
        ),
        consequence="The candidate sees less data than the reference in the same number of updates.",
    )


def _batches(case: Case, *, of_any_shape: bool = False) -> Pair | None:
    """The training batches of the first argument that differs, if contents part and, unless asked for, shapes do not.

    Batches of a stream of texts have all lengths: the same ones in other places differ in their shapes too.
    """
    one = first(case, "batch", differences=VALUE)
    if one is None or (case.findings("batch_shape") and not of_any_shape):
        return None
    pair = case.pair("batch", one.name)
    if pair is None:
        return None
    ours, theirs = (series.values.tolist() for series in pair)
    return pair if _parting(ours, theirs) < min(len(ours), len(theirs)) else None


def _parting(ours: Sequence[int], theirs: Sequence[int]) -> int:
    """Position of the first batch that differs, micro-steps counted one after the other."""
    length = min(len(ours), len(theirs))
    return next((at for at in range(length) if ours[at] != theirs[at]), length)


def _held(ours: Sequence[int], theirs: Sequence[int], start: int, shift: int) -> int:
    """At how many places the shift holds, if it does at all of them and they are enough to be no chance; else 0."""
    begin = start + max(0, -shift)
    places = range(begin, min(len(theirs), len(ours) - shift))
    if len(places) < _FEWEST or len(set(theirs[begin:])) == 1:
        return 0
    return len(places) if all(theirs[at] == ours[at + shift] for at in places) else 0


def _displaced(case: Case, pair: Pair) -> tuple[int, str]:
    """The shift of a stream that evaluations take from as well, and its evidence; 0 if there is none.

    Prefetched batches change places with those of an evaluation, so that only the sets tell: all batches are the same,
    but for a few at the shift and as many at the end.
    """
    evaluated = case.pair("eval_batch", pair[0].name)
    if evaluated is None or not _shares_stream(case, pair):
        return 0, ""
    ours, theirs = (_uses(*series) for series in zip(pair, evaluated, strict=True))
    gone = [place for batch, place in ours.items() if batch not in theirs]
    new = [place for batch, place in theirs.items() if batch not in ours]
    count = len(gone)
    if count != len(new) or not 0 < count <= _FARTHEST or 4 * count > len(ours):
        return 0, ""
    end = min(int(series.updates[-1]) for series in (*pair, *evaluated))
    left_out = min(gone) < min(new)
    if min(new if left_out else gone)[0] < end:
        return 0, ""
    if not in_order(_sequence(ours), _sequence(theirs)):
        return 0, ""
    line = f"{len(ours) - count} of {len(ours)} batches, for training and evaluation, are the same on both sides"
    return (count if left_out else -count), line


def _uses(*series: Series) -> Uses:
    """Every batch and where it is used first."""
    found: Uses = {}
    for one in series:
        places = zip(one.updates.tolist(), one.ordinals().tolist(), strict=True)
        for batch, (update, ordinal) in zip(one.values.tolist(), places, strict=True):
            place = (update, int(one.channel.phase), ordinal)
            found[batch] = min(place, found.get(batch, place))
    return found


def _sequence(uses: Uses) -> tuple[int, ...]:
    """Batches in the order of their first use."""
    return tuple(sorted(uses, key=lambda batch: uses[batch]))


def _shift_cause(case: Case, pair: Pair, start: int, shift: int, line: str) -> Cause:
    update = int(pair[1].updates[start])
    number = "1 batch" if abs(shift) == 1 else f"{abs(shift)} batches"
    deed = f"leaves out {number}" if shift > 0 else f"serves {number} more"
    where = "at the start" if start == 0 else f"in update {update}"
    return Cause(
        id="batches-shifted",
        title=f"The candidate {deed} {where}, then the same ones follow",
        explains=_order_explains(case, pair, start),
        evidence=(
            line,
            evidence.both(f"batch {start}, {evidence.moment(update)}", pair[0].python(start), pair[1].python(start)),
        ),
        consequence="Every update is made with the data of another one.",
    )


def _order_explains(case: Case, pair: Pair, start: int) -> tuple[str, ...]:
    """Batches from the parting on, what follows from them, and evaluations if they take from the same stream."""
    measured = first(case, "batch", differences=VALUE)
    since = measured.moment if measured is not None else (int(pair[0].updates[start]), 0, 0)
    evaluated = first(case, "eval_batch", differences=VALUE)
    if evaluated is None or not _shares_stream(case, pair):
        return explained(case, expects("batch", *_LENGTHS, since=since, differences=VALUE), since=since)
    since = min(since, evaluated.moment)
    return explained(case, expects("batch", "eval_batch", since=since, differences=VALUE), since=since)


def _shares_stream(case: Case, pair: Pair) -> bool:
    """Whether a batch that one side trains on is one that the other evaluates on."""
    evaluated = case.pair("eval_batch", pair[0].name)
    if evaluated is None:
        return False
    return any(
        set(trained.values.tolist()) & set(other.values.tolist())
        for trained, other in zip(pair, reversed(evaluated), strict=True)
    )
