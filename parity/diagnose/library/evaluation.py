"""Causes in evaluation: how often, on which ranks, in which order, in which mode."""

from collections import Counter

from parity.compare.measurement import Difference
from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.occasions import (
    FORWARDS,
    beginning,
    counts,
    disturbance,
    evaluations,
    occasions,
    saved_there,
)
from parity.diagnose.library.reach import VALUE, at, expects, explained, first
from parity.diagnose.registry import Cause, Declaration, rule, rule_of
from parity.trace.channels import Phase
from parity.trace.model import Series


@rule(
    "evaluation-extra",
    needs=("eval_forwards",),
    predicts="all that such an evaluation shows, checkpoints that are written with it, generators and batches, and "
    "every number from there on",
    advice="Look for a second place that estimates the loss, such as a scheduler that asks for it.",
)
def evaluation_extra(case: Case) -> Cause | None:
    """The candidate evaluates where the reference does not, or does more of it there."""
    ours, theirs = evaluations(case)
    more = {update: count for update, count in theirs.items() if count > ours.get(update, 0)}
    start = beginning(case, Difference.EXTRA)
    if not more or start is None or any(count > theirs.get(update, 0) for update, count in ours.items()):
        return None
    new = [update for update in more if update not in ours]
    what = "at additional points" if new else "with more batches"
    return Cause(
        id="evaluation-extra",
        title=f"The candidate evaluates {what}",
        explains=explained(case, *disturbance(start), saved_there(new), since=start),
        evidence=occasions(ours, theirs, sorted(more)),
        consequence="Additional evaluations cost time, and what they draw from a generator or take from the training "
        "stream is missing afterwards: the training itself becomes another one.",
    )


@rule(
    "evaluation-missing",
    needs=("eval_forwards",),
    predicts="all that such an evaluation shows, checkpoints that are written with it, generators and batches, and "
    "every number from there on",
    advice="Compare the evaluation interval, the number of batches, and which splits are evaluated.",
)
def evaluation_missing(case: Case) -> Cause | None:
    """The candidate evaluates less than the reference while it is still training."""
    ours, theirs = evaluations(case)
    fewer = {update: count for update, count in ours.items() if count > theirs.get(update, 0)}
    start = beginning(case, Difference.MISSING)
    if not fewer or start is None or any(count > ours.get(update, 0) for update, count in theirs.items()):
        return None
    gone = [update for update in fewer if update not in theirs]
    what = "at fewer points" if gone else "with fewer batches"
    return Cause(
        id="evaluation-missing",
        title=f"The candidate evaluates {what}",
        explains=explained(case, *disturbance(start), saved_there(gone), since=start),
        evidence=occasions(ours, theirs, sorted(fewer)),
        consequence="Estimates rest on less data or are not made at all, and generators and data streams that "
        "evaluations share with the training stand elsewhere afterwards.",
    )


@rule_of(
    *(
        Declaration(
            id=f"evaluation-on-{amount}-ranks",
            what=what,
            needs=("eval_forwards",),
            predicts="all that the evaluations of these ranks show, generators and batches, and every number from "
            "there on",
            advice=advice,
        )
        for amount, what, advice in (
            (
                "fewer",
                "Ranks that evaluate in the reference do not in the candidate.",
                "Evaluate on all ranks, and print on one.",
            ),
            (
                "more",
                "Ranks evaluate in the candidate that do not in the reference.",
                "Compare what makes a rank the master: its rank among all, or the one on its own machine.",
            ),
        )
    )
)
def evaluation_ranks(case: Case) -> Cause | None:
    """Other ranks evaluate than in the reference, fewer or more of them."""
    common = {one.rank: one for one in case.reference.processes}
    both = [(common[one.rank], one) for one in case.candidate.processes if one.rank in common and one.updates]
    ours, theirs = ({sides[side].rank for sides in both if counts(sides[side], FORWARDS)} for side in (0, 1))
    fewer = theirs < ours
    start = beginning(case, Difference.MISSING if fewer else Difference.EXTRA)
    if start is None or not ours or not theirs or not (fewer or ours < theirs):
        return None
    other = ", ".join(map(str, sorted(ours ^ theirs)))
    return Cause(
        id="evaluation-on-fewer-ranks" if fewer else "evaluation-on-more-ranks",
        title=f"The candidate never evaluates on rank {other}"
        if fewer
        else f"The candidate evaluates on rank {other} too",
        explains=explained(case, *disturbance(start), since=start),
        evidence=(evidence.both("ranks that evaluate", len(ours), len(theirs)),),
        consequence="The estimate rests on one part of the ranks, and their generators and data streams drift apart."
        if fewer
        else "It costs time, what it draws is missing in the training of these ranks, and each reports its own.",
    )


@rule(
    "evaluation-order",
    needs=("eval_batch", "eval_output"),
    predicts="batches, outputs and modes of evaluations",
    advice="Compare the order in which the splits are estimated.",
)
def evaluation_order(case: Case) -> Cause | None:
    """Within an evaluation the candidate takes the same batches in another order."""
    channel = "eval_batch" if case.findings("eval_batch") else "eval_output"
    pairs = [pair for pair in case.pairs(channel) if pair[0].values.tolist() != pair[1].values.tolist()]
    if not pairs or case.findings("eval_forwards", "eval_batch_shape"):
        return None
    ours, theirs = pairs[0]
    update = next(u for u in ours.updates.tolist() if ours.at(u).tolist() != theirs.at(u).tolist())
    if any(_multisets(ours) != _multisets(theirs) for ours, theirs in pairs):
        return None
    before, after = ours.at(update).tolist(), theirs.at(update).tolist()
    size = next((k for k in range(1, len(before)) if before[k:] + before[:k] == after), 0)
    moved = (
        f"batches {size} to {len(before) - 1} of the reference come first, then 0 to {size - 1}"
        if size
        else f"batch 0 of the reference is batch {after.index(before[0])} of the candidate"
    )
    start = at(int(update), Phase.EVAL)
    return Cause(
        id="evaluation-order",
        title="The candidate evaluates the same batches in another order"
        + (", a whole block of them before another" if size else ""),
        explains=explained(case, expects("eval_batch", "eval_output", "eval_mode", since=start, differences=VALUE)),
        evidence=(
            f"{evidence.moment(update)}: {moved}",
            f"the {len(before)} batches of that evaluation are the same on both sides",
        ),
        consequence="The estimates are the same, as long as the splits draw from different generators.",
    )


@rule(
    "evaluation-in-train-mode",
    needs=("eval_mode",),
    predicts="modes, what dropout draws, and every number from there on",
    advice="Call model.eval() before evaluating and model.train() after it.",
)
def evaluation_in_train_mode(case: Case) -> Cause | None:
    """The candidate evaluates in train() mode, the reference in eval() mode."""
    return _mode(
        case,
        "eval_mode",
        wrong=1,
        identifier="evaluation-in-train-mode",
        title="The candidate evaluates in train() mode",
        consequence="Dropout and batch statistics are active while evaluating: estimates are noisy and too high, and "
        "dropout draws random numbers that the training then misses.",
    )


@rule(
    "mode-left-in-eval",
    needs=("train_mode",),
    predicts="modes, what dropout does not draw any more, and every number from there on",
    advice="Call model.train() after every evaluation.",
)
def mode_left_in_eval(case: Case) -> Cause | None:
    """The candidate trains in eval() mode, typically after its first evaluation."""
    return _mode(
        case,
        "train_mode",
        wrong=0,
        identifier="mode-left-in-eval",
        title="The candidate trains in eval() mode",
        consequence="Dropout is off and batch statistics are frozen while training.",
    )


def _mode(case: Case, channel: str, *, wrong: int, identifier: str, title: str, consequence: str) -> Cause | None:
    one = first(case, channel, differences=VALUE)
    if one is None or one.candidate != wrong or one.reference == wrong:
        return None
    drawn = ("rng", "batch", "eval_batch") if case.findings("rng") else ()
    _, evaluated = evaluations(case)
    before = [update for update in evaluated if update < one.update]
    after = (f"the candidate's last evaluation before it: {_after(max(before))}",) if before else ()
    return Cause(
        id=identifier,
        title=title,
        explains=explained(
            case,
            expects(channel, since=one.moment),
            expects(*drawn, since=one.moment, differences=VALUE),
            since=one.moment,
        ),
        evidence=(
            evidence.line(one) + " (1 is train(), 0 is eval())",
            f"{one.differing} of {one.compared} forwards are concerned",
            *(after if channel == "train_mode" else ()),
        ),
        consequence=consequence,
    )


def _after(update: int) -> str:
    return f"after update {update}" if update >= 0 else evidence.moment(update)


def _multisets(series: Series) -> list[Counter[object]]:
    """The values of each evaluation, without their order."""
    return [Counter(series.at(update).tolist()) for update in dict.fromkeys(series.updates.tolist())]
