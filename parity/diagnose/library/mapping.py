"""Causes between the data and the model: the same samples, given to the model as other values."""

import re
from collections.abc import Iterator
from typing import Final

from parity.diagnose.case import Case, Pair, Place
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import VALUE, expects, explained, first
from parity.diagnose.registry import Cause, rule
from parity.trace.model import Series

_CONTENTS: Final = ("batch", "eval_batch")
_SHAPES: Final = ("batch_shape", "eval_batch_shape")
_WHOLE: Final = re.compile(r"\bint(?:16|32|64)\[")


@rule(
    "batches-mapped-otherwise",
    needs=("batch", "eval_batch", "checkpoint_tensor"),
    predicts="all batches of training and evaluation from there on, and every number from there on",
    advice="Compare what is done to tokens between the data and the model: a mapping, its tables, and what switches it "
    "on and off.",
)
def batches_mapped_otherwise(case: Case) -> Cause | None:
    """All batches, of training and evaluations alike, hold other values, though the data stands at the same place.

    Where the data stands is in the checkpoints: tensors of whole numbers that move with the training, such as counts of
    what was served. They are the same on both sides after the batches part.
    """
    one = first(case, *_CONTENTS, differences=VALUE)
    if one is None or case.findings(*_SHAPES, "rng", "micro_steps", "eval_forwards"):
        return None
    pairs = {channel: case.pairs(channel) for channel in _CONTENTS}
    if not all(found and all(_is_all_other(pair, one.moment) for pair in found) for found in pairs.values()):
        return None
    held = list(_held(case, one.update))
    if not held:
        return None
    return Cause(
        id="batches-mapped-otherwise",
        title=f"From {evidence.moment(one.update)} on the candidate's model is given other values for the same data",
        explains=explained(case, expects(*_CONTENTS, since=one.moment, differences=VALUE), since=one.moment),
        evidence=(
            evidence.line(one),
            "every batch of training and evaluation differs from there on, in every argument, and none before",
            f"the same in later checkpoints, and moving with the data: {evidence.listing(held)}",
        ),
        consequence="The model learns, and is judged by, another coding of the same text.",
    )


def _is_all_other(pair: Pair, moment: Place) -> bool:
    """Whether both series are equal before ``moment`` and nowhere from there on, where there is something."""
    ours, theirs = (dict(zip(_places(series), series.values.tolist(), strict=True)) for series in pair)
    common = ours.keys() & theirs.keys()
    later = {place for place in common if place[:2] >= moment[:2]}
    return bool(later) and all((ours[place] != theirs[place]) is (place in later) for place in common)


def _places(series: Series) -> list[Place]:
    phase = int(series.channel.phase)
    places = zip(series.updates.tolist(), series.ordinals().tolist(), strict=True)
    return [(update, phase, ordinal) for update, ordinal in places]


def _held(case: Case, update: int) -> Iterator[str]:
    """Tensors of whole numbers that change from checkpoint to checkpoint, alike on both sides after ``update``."""
    kinds = {ours.name: str(ours.python(0)) for ours, _ in case.pairs("checkpoint_kind") if len(ours)}
    for ours, theirs in case.pairs("checkpoint_tensor"):
        moves = len(set(ours.values.tolist())) > 1 and int(ours.updates[-1]) >= update
        same = ours.updates.tolist() == theirs.updates.tolist() and ours.values.tolist() == theirs.values.tolist()
        if moves and same and _WHOLE.search(kinds.get(ours.name, "")):
            yield ours.name.rpartition("::")[2]
