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
    if sizes is None or _has_all(case, sizes):
        return None
    return _shape_cause(
        case,
        "batch-size",
        f"The candidate's batches hold {sizes[1]} samples, the reference's {sizes[0]}",
        sizes,
    )


def _has_all(case: Case, sizes: tuple[int, int]) -> bool:
    """Whether both sides make batches of both sizes in all channels that differ, at different times."""
    channels = {one.channel.name for one in measurements(case, *_SHAPES, differences=VALUE)}
    sides = [side for channel in channels for pair in case.pairs(channel) for side in pair]
    return all(set(sizes) <= {(dimensions(text) or (0,))[0] for text in side.values.tolist()} for side in sides)


@rule(
    "sequence-limit",
    needs=("batch_shape", "batch"),
    predicts="shapes, batches, data per update, and every number from there on",
    advice="Compare where long texts are cut: before or after inputs and targets are made of them, T or T + 1 tokens.",
)
def sequence_limit(case: Case) -> Cause | None:
    """Long sequences are cut at another length, and shorter ones are the same."""
    one = first(case, "batch_shape", differences=VALUE)
    shapes = case.pair("batch_shape", one.name) if one is not None else None
    batches = case.pair("batch", one.name) if one is not None else None
    if one is None or shapes is None or batches is None or case.findings("micro_steps", "eval_batch_shape"):
        return None
    ours, theirs = ([dimensions(text) or () for text in side.values.tolist()] for side in shapes)
    whole = list(zip(ours, theirs, strict=False))
    if len(ours) != len(theirs) or not all(a and a[:-1] == b[:-1] for a, b in whole):
        return None
    limits = max(a[-1] for a in ours), max(b[-1] for b in theirs)
    short = [place for place, (a, b) in enumerate(whole) if a == b]
    contents = [side.values.tolist() for side in batches]
    is_cut = all(min(a[-1], min(limits)) == min(b[-1], min(limits)) for a, b in whole)
    if limits[0] == limits[1] or not is_cut or not short or any(contents[0][at] != contents[1][at] for at in short):
        return None
    return Cause(
        id="sequence-limit",
        title=f"The candidate cuts long sequences at {limits[1]}, the reference at {limits[0]}",
        explains=explained(
            case,
            expects("batch_shape", "batch", "target_shape", "tokens", since=one.moment, differences=VALUE),
            since=one.moment,
        ),
        evidence=(
            evidence.line(one),
            evidence.both("longest sequence", *limits),
            f"not cut by either: {len(short)} of {len(whole)} batches, the same on both sides",
        ),
        consequence="Every update with a long sequence sees another amount of data.",
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
