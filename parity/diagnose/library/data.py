"""Causes in the shape of the data: longer or shorter sequences, larger or smaller batches."""

from typing import Final

from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.printout import multiplied
from parity.diagnose.library.reach import VALUE, expects, explained, first, measurements
from parity.diagnose.registry import Cause, rule
from parity.trace.shapes import dimensions

_SHAPES: Final = ("batch_shape", "eval_batch_shape")


@rule(
    "sequence-length",
    needs=("batch_shape", "eval_batch_shape"),
    predicts="shapes, batches, data per update, generators, printed numbers of tokens, and every number from there on",
    advice="Look at how a window is cut into inputs and targets: T inputs and T targets take T + 1 tokens.",
)
def sequence_length(case: Case) -> Cause | None:
    """The last dimension of all batches that differ has another size, and nothing else in their shapes differs."""
    lengths = _sizes(case, last=True)
    if lengths is None:
        return None
    ours, theirs = lengths
    short = "one short of" if theirs == ours - 1 else "the reference's"
    return _shape_cause(
        case,
        "sequence-length",
        f"The candidate's sequences are {theirs} long, {short} {ours}",
        lengths,
    )


@rule(
    "batch-size",
    needs=("batch_shape", "eval_batch_shape"),
    predicts="shapes, batches, data per update, generators, printed numbers of tokens, and every number from there on",
    advice="Compare where the batch size is read from, and whether it is divided by the world size or the "
    "accumulation.",
)
def batch_size(case: Case) -> Cause | None:
    """The first dimension of all batches that differ has another size, and nothing else in their shapes differs."""
    sizes = _sizes(case, last=False)
    if sizes is None:
        return None
    return _shape_cause(
        case,
        "batch-size",
        f"The candidate's batches hold {sizes[1]} samples, the reference's {sizes[0]}",
        sizes,
    )


def _sizes(case: Case, *, last: bool) -> tuple[int, int] | None:
    """The sizes of one dimension on both sides, if they are all that differs in shapes, and the same everywhere.

    Shapes with more than two dimensions have no sequence; in those with one, samples and positions look alike.
    """
    found, ranks = set(), set()
    for one in measurements(case, *_SHAPES, differences=VALUE):
        ours, theirs = dimensions(one.reference), dimensions(one.candidate)
        if not ours or not theirs or len(ours) != len(theirs) or (last and len(ours) > 2):
            return None
        place = len(ours) - 1 if last else 0
        if [at for at in range(len(ours)) if ours[at] != theirs[at]] != [place]:
            return None
        found.add((ours[place], theirs[place]))
        ranks.add(len(ours))
    return found.pop() if len(found) == 1 and max(ranks) > 1 else None


def _shape_cause(case: Case, identifier: str, title: str, sizes: tuple[int, int]) -> Cause:
    found = measurements(case, *_SHAPES, differences=VALUE)
    earliest = min(found, key=lambda one: one.moment)
    tokens = first(case, "tokens", differences=VALUE)
    return Cause(
        id=identifier,
        title=title,
        explains=explained(
            case,
            expects(
                *_SHAPES,
                "target_shape",
                "eval_batch",
                "batch",
                "tokens",
                "rng",
                since=earliest.moment,
                differences=VALUE,
            ),
            multiplied((sizes[1] / sizes[0],), "token"),
            since=earliest.moment,
        ),
        evidence=evidence.lines(*found, *((tokens,) if tokens is not None else ())),
        consequence="Every update sees other inputs, and another amount of data."
        if case.findings("batch_shape")
        else "Evaluations measure something else, and draw otherwise from generators that the training shares.",
    )
