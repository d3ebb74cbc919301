"""Causes around gradient accumulation and the world size: constant ratios of N and W."""

from parity.compare.measurement import Measurement
from parity.diagnose.case import Case, Pair, ratio
from parity.diagnose.library import evidence
from parity.diagnose.library.printout import LOG, multiplied, scales
from parity.diagnose.library.reach import ANY, VALUE, Prediction, at, expects, explained, first
from parity.diagnose.registry import Cause, rule
from parity.trace.channels import Phase
from parity.trace.model import Series
from parity.trace.printed import number

_PER_MICRO_STEP = ("batch", "batch_shape", "rng", "train_mode", "target", "target_shape")


@rule(
    "accumulation-not-divided-by-world",
    needs=("micro_steps",),
    predicts="micro-steps, data per update, the batches of later updates, printed numbers of tokens, and every number "
    "from there on",
    advice="Divide gradient_accumulation_steps by the world size exactly once, after checking that it is divisible, "
    "and before anything is derived from it.",
)
def accumulation_not_divided_by_world(case: Case) -> Cause | None:
    """Micro-steps per rank are W times too many, or W times too few, in every update."""
    world = _common_world(case)
    pair = case.pair("micro_steps")
    factor = ratio(pair) if pair is not None and world > 1 else None
    if pair is None or factor is None or not (_is(factor, world) or _is(factor, 1 / world)):
        return None
    tokens = case.pair("tokens")
    undivided = factor > 1
    deed = "does not divide" if undivided else "divides twice"
    loss = case.pair("loss")
    start = at(int(pair[0].updates[0]), Phase.DATA)
    return Cause(
        id="accumulation-not-divided-by-world",
        title=f"The candidate {deed} the gradient accumulation by the world size of {world}",
        explains=explained(
            case,
            expects("micro_steps", "tokens", since=start),
            expects(*_PER_MICRO_STEP, since=start, differences=ANY - VALUE),
            # The micro-steps that both sides have see equal data in the first update, and other data in later ones.
            expects("batch", "rng", "eval_batch", since=at(start[0], Phase.EVAL), differences=VALUE),
            multiplied((factor,), "token", "accum"),
            since=start,
        ),
        evidence=(
            _line("micro-steps per rank", pair),
            *((_line("data per rank and update", tokens),) if tokens is not None else ()),
            *((_line("loss that is differentiated", loss),) if loss is not None else ()),
            f"the ratio is {factor:g} in every update, with {world} ranks",
        ),
        consequence=f"The effective batch is {factor:.9g}x that of the reference at world size {world}: each update "
        f"sees {factor:.9g} times the data, with the same learning rate and number of updates.",
    )


@rule(
    "accumulation-divisor",
    needs=("micro_steps", "loss"),
    predicts="the loss that is differentiated, printed losses with the same factor, and every number from there on",
    advice="Divide the loss by the number of micro-steps once, before backward.",
)
def accumulation_divisor(case: Case) -> Cause | None:
    """The model returns the same loss, but what is differentiated is N times too large or too small."""
    ours, theirs = case.micro_steps()
    pair = opening(case.pair("loss"))
    factor = ratio(pair) if pair is not None else None
    if ours != theirs or ours < 2 or pair is None or factor is None:
        return None
    if not (_is(factor, ours) or _is(factor, 1 / ours)) or not same_inputs(case):
        return None
    missing = factor > 1
    deed = "does not divide the loss" if missing else "divides the loss once more"
    world = _common_world(case)
    doubt = (f"the world size is {world} too, so the factor may as well be that of the ranks",) if world == ours else ()
    return Cause(
        id="accumulation-divisor",
        title=f"The candidate {deed} by the number of micro-steps",
        explains=explained(case, _printed(case, factor), since=at(int(pair[0].updates[0]), Phase.LOSS)),
        evidence=(
            _line("loss that is differentiated", pair),
            f"the ratio is {factor:g} at every micro-step of the first update, with {ours} of them and equal inputs",
            *doubt,
        ),
        consequence=f"Gradients are {factor:g} times those of the reference. Clipping and Adam hide most of it; "
        "weight decay, epsilon and a plain SGD do not.",
    )


@rule(
    "world-size-scale",
    needs=("output", "loss", "gradient_norm", "clip_norm"),
    predicts="losses or gradients, and every number from there on",
    advice="Look for a multiplication or division by the world size around the loss, the gradients, or a sum in place "
    "of a mean in a reduction.",
)
def world_size_scale(case: Case) -> Cause | None:
    """Same model outputs, but the loss or the gradient differs by the world size."""
    world = _common_world(case)
    if world < 2 or not same_inputs(case):
        return None
    for channel, phase in (("loss", Phase.LOSS), ("gradient_norm", Phase.BACKWARD), ("clip_norm", Phase.CLIP)):
        pair = opening(case.pair(channel))
        factor = ratio(pair) if pair is not None else None
        if pair is None or factor is None or _is(factor, 1):
            continue
        if not (_is(factor, world) or _is(factor, 1 / world)):
            return None
        place = at(int(pair[0].updates[0]), phase)
        start = place if channel == "loss" else at(place[0], Phase.BACKWARD)
        return Cause(
            id="world-size-scale",
            title=f"The candidate's {'loss' if channel == 'loss' else 'gradient'} is scaled by the world size",
            explains=explained(case, since=start),
            evidence=(
                _line(pair[0].channel.title, pair),
                f"the ratio is {factor:g}, with {world} ranks on both sides and equal inputs",
            ),
            consequence=f"Gradients are {factor:g} times those of the reference, on top of the mean that "
            "DistributedDataParallel takes.",
        )
    return None


@rule(
    "gradients-not-cleared",
    needs=("stale_gradients",),
    predicts="leftovers in every update from there on, and every number from that backward on",
    advice="Call optimizer.zero_grad() once per update, before the first backward or after the step.",
)
def gradients_not_cleared(case: Case) -> Cause | None:
    """Gradients of the update before are still there when the candidate's backward begins."""
    one = first(case, "stale_gradients", differences=VALUE)
    if one is None or one.reference != 0:
        return None
    return Cause(
        id="gradients-not-cleared",
        title="The candidate does not clear the gradients between updates",
        explains=explained(case, expects("stale_gradients", since=one.moment), since=at(one.update, Phase.BACKWARD)),
        evidence=(evidence.line(one), f"{one.differing} of {one.compared} updates are concerned"),
        consequence="Each update is made with the sum of the gradients of all updates before.",
    )


@rule(
    "gradients-cleared-within-update",
    needs=("micro_steps", "zero_grad", "gradient_norm"),
    predicts="every number from the first backward on",
    advice="Move zero_grad out of the loop over micro-steps.",
)
def gradients_cleared_within_update(case: Case) -> Cause | None:
    """The candidate clears gradients at every micro-step, so that only the last one counts."""
    ours, theirs = case.micro_steps()
    calls = case.pair("zero_grad")
    gradient = first(case, "gradient_norm", "gradient", differences=VALUE)
    if calls is None or gradient is None or not len(calls[0]) or not len(calls[1]) or ours != theirs or ours < 2:
        return None
    before, after = int(calls[0].values[0]), int(calls[1].values[0])
    if not before < ours <= after or not same_inputs(case) or case.findings("stale_gradients"):
        return None
    return Cause(
        id="gradients-cleared-within-update",
        title="The candidate clears the gradients at every micro-step instead of once per update",
        explains=explained(case, since=at(gradient.update, Phase.BACKWARD)),
        evidence=(
            _line("zero_grad calls", calls),
            f"{ours} micro-steps per update on both sides, with equal outputs in the first update",
            evidence.line(gradient),
        ),
        consequence="Only the last micro-step of each update is learnt from; the others are computed in vain.",
    )


def _common_world(case: Case) -> int:
    ours, theirs = case.worlds()
    return ours if ours == theirs else 0


def _is(factor: float, expected: float) -> bool:
    return abs(factor / expected - 1) < 1e-6


def opening(pair: Pair | None) -> Pair | None:
    """Both series of ``pair`` in the first update: later ones already feel the consequences."""
    if pair is None or not len(pair[0]):
        return None
    update = int(pair[0].updates[0])
    ours, theirs = (_within(series, update) for series in pair)
    return (ours, theirs) if len(ours) == len(theirs) else None


def _within(series: Series, update: int) -> Series:
    values = series.at(update)
    return Series(series.channel, series.name, series.updates[: len(values)] * 0 + update, values)


def same_inputs(case: Case) -> bool:
    """Whether the model returned the same numbers in the first update, or, where it returns none, got the same data."""
    pairs = case.pairs("output") or case.pairs("batch")
    openings = [opening(pair) for pair in pairs]
    return bool(openings) and all(
        pair is not None and pair[0].values.tolist() == pair[1].values.tolist() for pair in openings
    )


def _printed(case: Case, factor: float) -> Prediction:
    """Predict printed losses that are multiplied as the loss is."""

    def predicts(one: Measurement) -> bool:
        found = number(one.name) if one.channel.name == LOG else None
        pair = case.pair(LOG, one.name) if found is not None and "loss" in found.label else None
        return pair is not None and scales(pair, factor)

    return predicts


def _line(what: str, pair: Pair) -> str:
    when = evidence.moment(int(pair[0].updates[0]))
    return evidence.both(f"{what}, {when}", pair[0].python(0), pair[1].python(0))
