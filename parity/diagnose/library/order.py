"""Causes in which batches are served: the same in another order, others, or other arguments beside the same inputs."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from parity.diagnose.case import Case, Place
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import VALUE, expects, explained, first, measurements
from parity.diagnose.registry import Cause, rule
from parity.trace.model import Series

_CONTENTS: Final = ("batch", "eval_batch")
_SHAPES: Final = ("batch_shape", "eval_batch_shape")
_MOST: Final = 0.75
_ALL: Final = 0.95
_FEWEST: Final = 3


@dataclass(frozen=True)
class _Displaced:
    """Uses of batches that differ between the sides: those of the reference, and of the candidate, place by place."""

    ours: tuple[int, ...]
    theirs: tuple[int, ...]
    known: frozenset[int]
    """All batches that the reference uses."""

    @property
    def familiar(self) -> float:
        """Share of the candidate's that the reference uses somewhere."""
        return sum(batch in self.known for batch in self.theirs) / len(self.theirs)


@rule(
    "batches-reordered",
    needs=("batch",),
    predicts="batches, also of evaluations that take from the same stream, and every number from there on",
    advice="Compare what decides the order: scores and the direction of sorting, a queue's end, shuffling.",
)
def batches_reordered(case: Case) -> Cause | None:
    """The candidate serves the reference's batches in another order."""
    found = _displaced(case)
    if found is None or found.familiar < _MOST or in_order(found.ours, found.theirs):
        return None
    common = sum(batch in found.known for batch in found.theirs)
    return _cause(
        case,
        "batches-reordered",
        "The candidate serves the same batches in another order",
        f"{common} of {len(found.theirs)} batches that differ are ones that the reference uses elsewhere",
        "Every update is made with the data of another one.",
    )


@rule(
    "batches-elsewhere",
    needs=("batch", "rng"),
    predicts="batches, also of evaluations that take from the same stream, and every number from there on",
    advice="Compare which files are read and in which turn, where batches are cut, and private generators.",
)
def batches_elsewhere(case: Case) -> Cause | None:
    """The candidate serves batches that the reference never does, while the generators stand where they should."""
    found = _displaced(case)
    if found is None or found.familiar > 1 - _ALL or case.findings("rng"):
        return None
    return _cause(
        case,
        "batches-elsewhere",
        "The candidate reads other parts of the data",
        f"{len(found.theirs)} batches differ, and the reference uses next to none of the candidate's anywhere",
        "The two programs see other data from there on.",
    )


@rule(
    "batches-by-another-generator",
    needs=("batch", "rng"),
    predicts="the states of generators, batches, and every number from there on",
    advice="Draw places and orders from the generator that the reference draws from; does anybody seed the other one?",
)
def batches_by_another_generator(case: Case) -> Cause | None:
    """Batches differ, and the candidate draws from a generator that the reference leaves alone."""
    since = first(case, *_CONTENTS, differences=VALUE)
    if since is None or _is_late(case, since.moment):
        return None
    used = [ours.name for ours, theirs in case.pairs("rng") if _moves(theirs) and not _moves(ours)]
    if not used:
        return None
    left = [ours.name for ours, theirs in case.pairs("rng") if _moves(ours) and not _moves(theirs)]
    return Cause(
        id="batches-by-another-generator",
        title=f"The candidate draws its batches from the generator of {evidence.listing(used)}",
        explains=explained(case, expects(*_CONTENTS, "rng", differences=VALUE), since=since.moment),
        evidence=(
            evidence.line(since),
            *(f"the generator of {name} moves in the candidate only" for name in used),
            *(f"the generator of {name} moves in the reference only" for name in left),
        ),
        consequence="Who shares a generator draws other numbers now, and one that nobody seeds never repeats.",
    )


@rule(
    "batch-argument",
    needs=("batch",),
    predicts="this argument in training and evaluation, and every number from there on",
    advice="Compare what is done to this argument between the data and the model: numbering, mapping, shifting.",
)
def batch_argument(case: Case) -> Cause | None:
    """The models get the same inputs, and other values in an argument beside them."""
    found = measurements(case, *_CONTENTS, differences=VALUE)
    if not found or case.findings(*_SHAPES):
        return None
    differing = {one.name for one in found}
    equal = [ours.name for ours, _ in case.pairs("batch") if ours.name not in differing]
    if not equal or case.findings("micro_steps", "eval_forwards"):
        return None
    return _cause(
        case,
        "batch-argument",
        f"The candidate passes something else as argument {evidence.listing(sorted(differing))} of the same batches",
        f"equal in all batches: argument {evidence.listing(equal)}",
        "The model is trained towards something else on the same inputs.",
    )


def in_order(ours: tuple[int, ...], theirs: tuple[int, ...]) -> bool:
    """Whether most of what both sides have comes in the same order on both."""
    places = {batch: place for place, batch in enumerate(ours)}
    common = [places[batch] for batch in theirs if batch in places]
    ascents = sum(later > earlier for earlier, later in pairwise(common))
    return len(common) < _FEWEST or ascents >= _MOST * (len(common) - 1)


def _displaced(case: Case) -> _Displaced | None:
    """The uses that differ, of the argument that differs first; None where shapes do, or there are too few."""
    one = first(case, *_CONTENTS, differences=VALUE)
    if one is None or case.findings(*_SHAPES, "micro_steps"):
        return None
    pairs = [pair for channel in _CONTENTS if (pair := case.pair(channel, one.name)) is not None]
    sides = [{place: batch for series in side for place, batch in _uses(series)} for side in zip(*pairs, strict=True)]
    places = [place for place in sorted(sides[0]) if place in sides[1] and sides[0][place] != sides[1][place]]
    if len(places) < _FEWEST or one.name != min(ours.name for ours, _ in case.pairs(one.channel.name)):
        return None
    ours, theirs = (tuple(side[place] for place in places) for side in sides)
    return _Displaced(ours, theirs, frozenset(sides[0].values()))


def _uses(series: Series) -> list[tuple[Place, int]]:
    places = zip(series.updates.tolist(), series.ordinals().tolist(), strict=True)
    phase = int(series.channel.phase)
    return [
        ((update, phase, ordinal), batch)
        for (update, ordinal), batch in zip(places, series.values.tolist(), strict=True)
    ]


def _moves(series: Series) -> bool:
    return len(set(series.values.tolist())) > 1


def _is_late(case: Case, moment: Place) -> bool:
    """Whether something that is trained or drawn differs before the batches do."""
    return any(one.first.moment < moment for one in case.judgement.gating)


def _cause(case: Case, identifier: str, title: str, line: str, consequence: str) -> Cause:
    since = first(case, *_CONTENTS, differences=VALUE)
    assert since is not None
    return Cause(
        id=identifier,
        title=title,
        explains=explained(case, expects(*_CONTENTS, since=since.moment, differences=VALUE), since=since.moment),
        evidence=(evidence.line(since), line),
        consequence=consequence,
    )
