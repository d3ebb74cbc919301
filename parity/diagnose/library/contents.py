"""Causes in what a data set holds at the places that are drawn from it."""

from typing import Final

from parity.diagnose.case import Case, Pair
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import VALUE, expects, explained, first
from parity.diagnose.registry import Cause, rule

_FEWEST: Final = 3
_DRAWS: Final = ("loader_epoch", "loader_seed")


@rule(
    "samples-behind-indices",
    needs=("batch", "loader_epoch", "loader_seed"),
    predicts="batches, and every number from there on",
    advice="Compare the order in which the rows are read, filtered, shuffled and split, before a loader gets them; "
    "then how a row becomes a sample.",
)
def samples_behind_indices(case: Case) -> Cause | None:
    """The same random draws take other samples: the data set holds its rows in another order, or other rows."""
    one = first(case, "batch", differences=VALUE)
    pair = case.pair("batch", one.name) if one is not None else None
    if one is None or pair is None or case.findings("batch_shape") or not _draws_alike(case):
        return None
    ours, theirs = (series.values.tolist() for series in pair)
    drawn = first(case, "rng", differences=VALUE)
    # a batch that both sides serve belongs to a stream that is shifted, not to a data set that is another one
    if set(ours) & set(theirs) or len(theirs) < _FEWEST or (drawn is not None and drawn.moment <= one.moment):
        return None
    evaluated = case.pairs("eval_batch")
    same = bool(evaluated) and not case.findings("eval_batch")
    return Cause(
        id="samples-behind-indices",
        title="The candidate draws the same places of its data set, and finds other samples there",
        explains=explained(case, expects("batch", since=one.moment, differences=VALUE), since=one.moment),
        evidence=(
            evidence.line(one),
            f"none of {len(theirs)} batches is one of the reference's",
            *(f"seeds drawn by {name}: the same on both sides" for name in _loaders(case)),
            *(("all batches of evaluations are the same: samples are made alike",) if same else ()),
        ),
        consequence="Every update sees other data, and no seed will make it the same.",
    )


def _draws_alike(case: Case) -> bool:
    """Whether both sides have loaders of the same make-up, which shuffle by the same seeds."""
    found = {channel: case.pairs(channel) for channel in _DRAWS}
    return all(found.values()) and all(_same(pair) for pairs in found.values() for pair in pairs)


def _same(pair: Pair) -> bool:
    ours, theirs = (series.values.tolist() for series in pair)
    return bool(ours == theirs)


def _loaders(case: Case) -> list[str]:
    return [ours.name for ours, _ in case.pairs("loader_seed")]
