"""Causes in what is kept beside the trained weights: averages of them, and running statistics."""

from typing import Final

from parity.compare.measurement import Difference
from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import VALUE, expects, explained, first, measurements
from parity.diagnose.parting import parting
from parity.diagnose.registry import Cause, Declaration, rule, rule_of

_KEPT: Final = ("parameter_outside", "parameter_initial", "buffer_initial", "buffer", "parameter_kind", "tied_storage")
_TRAINED: Final = ("output", "loss", "gradient_norm", "gradient", "clip_norm", "lr", "batch", "optimizer_state")
_PREDICTS: Final = "the average, its evaluations, its copies in checkpoints, and nothing of the training"


@rule_of(
    Declaration(
        id="average-not-updated",
        what="An average of the weights never moves, while the training is the same.",
        needs=("parameter_outside",),
        predicts=_PREDICTS,
        advice="Update the average after every step, and not a copy of it.",
    ),
    Declaration(
        id="average-differs",
        what="An average of the weights takes other values, while the training is the same.",
        needs=("parameter_outside",),
        predicts=_PREDICTS,
        advice="Compare the decay, its warm-up, and whether the average is updated before or after the step.",
    ),
)
def average(case: Case) -> Cause | None:
    """An average of the weights never moves, or takes other values, while the training is the same."""
    found = measurements(case, "parameter_outside")
    if not found or case.findings(*_TRAINED, "parameter_kind"):
        return None
    gone = [one for one in found if one.difference is Difference.MISSING]
    changed = [one for one in found if one.difference is Difference.VALUE]
    if not gone and not changed:
        return None
    stands = len(gone) > len(changed)
    names = list(dict.fromkeys(one.name for one in (gone if stands else changed)))
    since = min(one.first.moment for one in case.judgement.gating if one.phase.name != "LOG")
    return Cause(
        id="average-not-updated" if stands else "average-differs",
        title="The candidate's average of the weights never moves"
        if stands
        else "The candidate averages the weights otherwise",
        explains=explained(case, expects(*_KEPT, since=since), since=since),
        evidence=(
            f"{evidence.plural(len(names), 'parameter')} that no optimizer holds: {evidence.listing(names)}",
            evidence.line(min(found, key=lambda one: one.moment)),
            "losses, gradients and the state of the optimizer are the same throughout",
        ),
        consequence="What is evaluated, saved or shipped as the average is not the reference's.",
    )


@rule(
    "running-statistics",
    needs=("buffer",),
    predicts="buffers, evaluations that use them, and their copies in checkpoints",
    advice="Compare the momentum of normalisation layers, and in which mode, how often and over what they see batches.",
)
def running_statistics(case: Case) -> Cause | None:
    """Buffers of the model take other values from equal batches, and what is trained is the same until then."""
    place, one = parting(case.judgement), first(case, "buffer", differences=VALUE)
    if one is None or place is None or place.channel.name not in ("buffer", "buffer_initial"):
        return None
    if place.channel.name == "buffer_initial" and place.update < 0:
        return None
    names = list(dict.fromkeys(each.name for each in measurements(case, "buffer", differences=VALUE)))
    return Cause(
        id="running-statistics",
        title="The candidate's running statistics are others",
        explains=explained(case, expects("buffer"), since=min(place.first.moment, one.moment)),
        evidence=(evidence.line(one), f"concerned: {evidence.listing(names)}"),
        consequence="In training nothing shows; evaluations, and whoever uses the model, normalise by other numbers.",
    )
