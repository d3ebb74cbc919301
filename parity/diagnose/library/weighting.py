"""Causes in how the losses of micro-batches of different sizes are put together."""

from fractions import Fraction
from typing import Final

import numpy as np

from parity.diagnose.case import Case, Pair, common, ratio
from parity.diagnose.library import evidence
from parity.diagnose.library.accumulation import opening, same_inputs
from parity.diagnose.library.reach import at, explained
from parity.diagnose.registry import Cause, rule
from parity.trace.channels import Phase

_CLOSE: Final = 1e-5
# Simpler ratios have simpler reasons: a constant factor, another number of micro-steps.
_SIMPLEST: Final = 5


@rule(
    "token-weighting",
    needs=("loss", "micro_steps"),
    predicts="the loss that is differentiated, and every number from there on",
    advice="Divide the sum over all tokens of an update by their number: micro-batches hold different numbers of them.",
)
def token_weighting(case: Case) -> Cause | None:
    """One side weighs micro-batches by their tokens, the other takes the mean of their means.

    With r = candidate / reference at each of the N micro-steps of an update, the sum of 1/r is N where the candidate
    takes the mean of means, and the sum of r where the reference does.
    """
    pair = _losses(case)
    if pair is None or ratio(pair) is not None:
        return None
    ours, theirs = common(pair)
    number = len(ours)
    if not (ours.all() and theirs.all() and np.isfinite(ours).all() and np.isfinite(theirs).all()):
        return None
    of_means = abs(float((ours / theirs).sum()) / number - 1) < _CLOSE
    if not of_means and abs(float((theirs / ours).sum()) / number - 1) >= _CLOSE:
        return None
    shares = (ours / theirs if of_means else theirs / ours) / number
    deed = (
        "takes the mean of the means of its micro-batches" if of_means else "weighs its micro-batches by their tokens"
    )
    return Cause(
        id="token-weighting",
        title=f"The candidate {deed}",
        explains=explained(case, since=at(int(pair[0].updates[0]), Phase.LOSS)),
        evidence=(
            evidence.both(f"loss that is differentiated, {_when(pair)}", pair[0].python(0), pair[1].python(0)),
            "shares of the micro-batches: " + ", ".join(f"{share:.6g}" for share in shares) + "; they sum to 1",
            "the model returns the same losses",
        ),
        consequence="Tokens of short micro-batches count more than those of long ones; with batches of equal size "
        "nothing shows.",
    )


@rule(
    "loss-over-padding",
    needs=("loss", "tokens"),
    predicts="the loss that is differentiated, and every number from there on",
    advice="Divide by the number of targets that count, not by the number of all positions.",
)
def loss_over_padding(case: Case) -> Cause | None:
    """The loss is divided by the number of all positions, padded ones included.

    The ratio of the losses is then the share of valid positions: a whole number of the elements of an update.
    """
    pair, tokens = _losses(case), case.pair("tokens")
    factor = ratio(pair) if pair is not None else None
    if pair is None or tokens is None or factor is None or not len(tokens[0]) or case.findings("tokens"):
        return None
    elements = int(tokens[0].values[0])
    share = min(factor, 1 / factor)
    valid = round(share * elements)
    fraction = Fraction(valid, elements)
    if abs(share * elements - valid) > _CLOSE * elements or fraction == 1 or fraction.denominator < _SIMPLEST:
        return None
    over = factor < 1
    return Cause(
        id="loss-over-padding",
        title=f"The candidate divides its loss by {'all positions' if over else 'the valid positions only'}",
        explains=explained(case, since=at(int(pair[0].updates[0]), Phase.LOSS)),
        evidence=(
            evidence.both(f"loss that is differentiated, {_when(pair)}", pair[0].python(0), pair[1].python(0)),
            f"the ratio {factor:.9g} is that of {valid} valid positions and all {elements}, or its inverse",
            "the model returns the same losses",
        ),
        consequence="Gradients shrink with the amount of padding, which differs from update to update.",
    )


def _losses(case: Case) -> Pair | None:
    """The losses of the first update, if it has several micro-steps on both sides and the model returned the same."""
    ours, theirs = case.micro_steps()
    pair = opening(case.pair("loss"))
    return pair if pair is not None and ours == theirs > 1 and same_inputs(case) and case.findings("loss") else None


def _when(pair: Pair) -> str:
    return evidence.moment(int(pair[0].updates[0]))
