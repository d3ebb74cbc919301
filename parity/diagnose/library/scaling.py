"""Causes around the loss scaler and the norm that clipping measures."""

import re
from typing import Final

from parity.compare.measurement import Difference, Measurement
from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import VALUE, at, expects, explained, first
from parity.diagnose.parting import parting
from parity.diagnose.registry import Cause, rule
from parity.trace.channels import Phase

_SCALER: Final = "scaler"
_OPTIONS: Final = ("config", "checkpoint_value")
_PRECISION: Final = re.compile(r"(?:^|[._-])(?:\w*dtype|precision|amp|autocast|fp16|bf16|half)$", re.IGNORECASE)


@rule(
    "clip-before-unscale",
    needs=("clip_scale", "clip_norm"),
    predicts="norms and gradients that carry the loss scale, and every number from there on",
    advice="Call scaler.unscale_(optimizer) before clipping.",
)
def clip_before_unscale(case: Case) -> Cause | None:
    """Gradients still carry the loss scale when they are clipped."""
    scales = case.pair("clip_scale")
    one = first(case, "clip_norm", differences=VALUE)
    if scales is None or one is None or not len(scales[0]) or not len(scales[1]):
        return None
    ours, theirs = (float(series.values[0]) for series in scales)
    if ours != 1.0 or theirs == 1.0:
        return None
    norm = first(case, "gradient_norm", "clip_norm", differences=VALUE)
    assert norm is not None
    return Cause(
        id="clip-before-unscale",
        title="The candidate clips gradients that still carry the loss scale",
        explains=explained(case, since=at(norm.update, Phase.BACKWARD)),
        evidence=(
            evidence.both(f"loss scale of clipped gradients, update {int(scales[1].updates[0])}", ours, theirs),
            evidence.line(one),
        ),
        consequence="Nearly every update is clipped, to the limit divided by the scale: training nearly stands still "
        "without an optimizer that normalises its steps.",
    )


@rule(
    "loss-not-scaled",
    needs=("loss_scale",),
    predicts="loss scales, skipped updates and the saved state of the scaler, and every number that underflows from "
    "there on",
    advice="Build the scaler enabled where the precision needs one, and make forward, clipping and step go through it.",
)
def loss_not_scaled(case: Case) -> Cause | None:
    """The reference scales its losses, and the candidate never does."""
    one = first(case, "loss_scale", differences={Difference.MISSING})
    if one is None or one.update < 0 or case.findings("exception", "exit_status", "updates"):
        return None
    if any(True for process in case.candidate.processes for _ in process.channel("loss_scale")):
        return None
    return Cause(
        id="loss-not-scaled",
        title="The candidate trains without a loss scale",
        explains=explained(case, expects("loss_scale", "step_skipped"), _is_of_the_scaler, since=one.moment),
        evidence=(
            evidence.line(one),
            f"scaled losses: {one.compared} in the reference, 0 in the candidate",
            *evidence.lines(*_precision_options(case)),
        ),
        consequence="In half precision small gradients become zero; in others nothing shows.",
    )


def _precision_options(case: Case) -> list[Measurement]:
    """Options that name a precision, as far as both sides hold them and they differ."""
    found = (one for one in case.judgement.comparison.measurements if one.channel.name in _OPTIONS)
    return [one for one in found if one.difference in VALUE and _PRECISION.search(one.name.rpartition("::")[2])]


def _is_of_the_scaler(one: Measurement) -> bool:
    return one.channel.phase is Phase.CHECKPOINT and _SCALER in one.name.rpartition("::")[2].lower()


@rule(
    "loss-scale",
    needs=("loss_scale",),
    predicts="loss scales, saved ones, skipped updates, and every number from there on",
    advice="Compare how the loss scaler is built (init_scale, growth_interval), and whether it is updated at every "
    "update.",
)
def loss_scale(case: Case) -> Cause | None:
    """The loss scale is another one before anything else differs."""
    one = first(case, "loss_scale", differences=VALUE)
    place = parting(case.judgement)
    if one is None or place is None or place.channel.name != "loss_scale":
        return None
    return Cause(
        id="loss-scale",
        title=f"The candidate scales its loss by {one.candidate}, the reference by {one.reference}",
        explains=explained(case, expects("loss_scale", "step_skipped"), since=one.moment),
        evidence=(evidence.line(one), f"{one.differing} of {one.compared} micro-steps are concerned"),
        consequence="A power of two changes no bit as long as nothing overflows or underflows; where it does, other "
        "updates are skipped.",
    )


@rule(
    "clip-norm",
    needs=("clip_norm", "gradient_norm"),
    predicts="norms, and every number from there on",
    advice="Compare the type of the norm, and which parameters are given to the function that clips.",
)
def clip_norm(case: Case) -> Cause | None:
    """Clipping measures another norm of the same gradients, to the same limit."""
    one, place = first(case, "clip_norm", differences=VALUE), parting(case.judgement)
    limits = [found for found in case.findings("clip_limit", "clip_calls") if one and found.first.moment <= one.moment]
    if one is None or place is None or place.channel.name != "clip_norm" or limits or not case.pairs("gradient_norm"):
        return None
    return Cause(
        id="clip-norm",
        title="The candidate clips by another norm of the same gradients",
        explains=explained(case, since=one.moment),
        evidence=(evidence.line(one), "gradients and limit are the same in this update"),
        consequence="Other updates are limited, or all of them to another size.",
    )
