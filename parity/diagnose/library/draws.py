"""Causes in who draws from the generators of the training."""

from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.occasions import evaluations
from parity.diagnose.library.reach import VALUE, at, expects, explained, first
from parity.diagnose.parting import parting
from parity.diagnose.registry import Cause, rule
from parity.trace.channels import Phase
from parity.trace.model import Value

_OUTSIDE = "outside the model"


@rule(
    "evaluation-draws",
    needs=("rng", "eval_draws"),
    predicts="generators and batches after that evaluation, and every number from there on",
    advice="Give loaders and sampling of evaluations a generator of their own: the iterator of a loader draws a seed "
    "when it is made.",
)
def evaluation_draws(case: Case) -> Cause | None:
    """The candidate's evaluations draw from a generator of the training, and the reference's do not."""
    place, draws = parting(case.judgement), case.pair("eval_draws")
    if place is None or draws is None or place.channel.name not in ("rng", "batch"):
        return None
    ours, theirs = (any(series.values.tolist()) for series in draws)
    before = [update for update in evaluations(case)[1] if update < place.update]
    if ours or not theirs or not before or case.findings("eval_forwards", "eval_mode"):
        return None
    return Cause(
        id="evaluation-draws",
        title="The candidate's evaluations move the random numbers of the training",
        explains=explained(
            case,
            expects("rng", "batch", "eval_batch", since=at(max(before), Phase.EVAL), differences=VALUE),
            since=place.first.moment,
        ),
        evidence=(
            evidence.line(place.first),
            f"the last evaluation before it: after update {max(before)}" if max(before) >= 0 else "evaluated before",
            evidence.both("evaluations that move a generator of the training", "none", "some"),
            *_seeds(case),
        ),
        consequence="How often the candidate evaluates decides what it trains on.",
    )


@rule(
    "draws-after-evaluation",
    needs=("rng", "eval_draws", "eval_batch"),
    predicts="generators, batches and copies of the model from there on, and every number from there on",
    advice="Look at what runs between the last batch of an evaluation and the next forward of the training (analyses, "
    "samples, charts, what is saved), and give it a generator of its own.",
)
def draws_after_evaluation(case: Case) -> Cause | None:
    """An evaluation draws the same numbers on both sides, and at the training forward after it they stand apart.

    The weights, and all batches of that evaluation, are the same: what draws stands between them and the training.
    """
    place, draws = parting(case.judgement), case.pair("eval_draws")
    if place is None or draws is None or place.channel.name != "rng":
        return None
    # what is known of evaluations is of the lowest rank: others may have been seeded otherwise
    if case.sides is None or place.first.rank != case.sides[0].rank:
        return None
    counts = [side.get(place.update - 1, 0) for side in evaluations(case)]
    if not all(any(series.values.tolist()) for series in draws) or not counts[0] or counts[0] != counts[1]:
        return None
    moment = place.first.moment
    before = (one for one in case.judgement.gating if one.first.moment < moment)
    if any(one.channel.name in ("eval_batch", "eval_mode", "eval_forwards", "parameter_initial") for one in before):
        return None
    return Cause(
        id="draws-after-evaluation",
        title="Between an evaluation and the training after it, the candidate draws other random numbers",
        explains=explained(
            case,
            expects("rng", "batch", "eval_batch", "parameter_initial", since=moment, differences=VALUE),
            since=moment,
        ),
        evidence=(
            evidence.line(place.first),
            f"equal: the weights, and all {counts[0]} batches of the evaluation {_after(place.update - 1)}",
            "evaluations move the same generator on both sides",
        ),
        consequence="How often something is looked at decides what is trained: dropout, batches and noise differ.",
    )


@rule(
    "draws-between-forwards",
    needs=("rng", "rng_consumed"),
    predicts="generators and batches after the first forward, and every number from there on",
    advice="Recompute activations with their own random state (preserve_rng_state=True), and look for noise that is "
    "drawn around the backward.",
)
def draws_between_forwards(case: Case) -> Cause | None:
    """The candidate draws random numbers between two forwards of the training, where the reference draws none.

    A recomputation that does not restore the random state is such a draw: the loss is right, its gradient belongs to
    another dropout mask.
    """
    place, consumed = parting(case.judgement), case.pair("rng_consumed", _OUTSIDE)
    moved = first(case, "rng", differences=VALUE)
    if place is None or consumed is None or moved is None or moved.moment > place.first.moment:
        return None
    ours, theirs = (series.values.tolist() for series in consumed)
    if any(ours) or not any(theirs) or case.findings("eval_forwards", "eval_mode", "batch_shape"):
        return None
    share = sum(map(bool, theirs)) / len(theirs)
    if share <= 0.5:
        return None
    return Cause(
        id="draws-between-forwards",
        title="The candidate draws random numbers between the forwards of its training",
        explains=explained(case, expects("rng", "batch", since=moved.moment, differences=VALUE), since=moved.moment),
        evidence=(
            evidence.line(moved),
            evidence.both("updates that draw outside the model", sum(map(bool, ours)), sum(map(bool, theirs))),
        ),
        consequence="Dropout and whatever else is drawn differ; if activations are recomputed with another mask, the "
        "gradient is not that of the loss.",
    )


def _after(update: int) -> str:
    return f"after update {update}" if update >= 0 else "before the first update"


def _seeds(case: Case) -> tuple[str, ...]:
    for pair in case.pairs("loader_seed"):
        values: tuple[Value, Value] = pair[0].python(0), pair[1].python(0)
        if values[0] != values[1]:
            return (
                evidence.both(f"seed drawn by {pair[0].name}, {evidence.moment(int(pair[0].updates[0]))}", *values),
            )
    return ()
