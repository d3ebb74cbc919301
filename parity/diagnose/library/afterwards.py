"""Causes behind the step: what writes to weights once the optimizer has updated them."""

from typing import Final

from parity.compare.measurement import Difference
from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import explained, first, measurements
from parity.diagnose.parting import parting
from parity.diagnose.registry import Cause, rule

_TITLES: Final = {
    Difference.MISSING: "The candidate leaves weights as its step left them, where the reference changes them",
    Difference.EXTRA: "The candidate changes weights after its step, where the reference leaves them as they are",
    Difference.VALUE: "The candidate changes weights after its step in another way",
}


@rule(
    "changed-after-step",
    needs=("parameter_after", "parameter"),
    predicts="every number from there on",
    advice="Compare what writes to weights after the step (the mask of a pruning, a clamp, a projection, an average "
    "that is copied back), when it begins, and how often it is applied.",
)
def changed_after_step(case: Case) -> Cause | None:
    """Both sides make the same update, and then something writes to weights on one of them, or writes otherwise."""
    place, one = parting(case.judgement), first(case, "parameter_after")
    if place is None or one is None or place.channel.name != "parameter_after":
        return None
    if any(each.update == one.update + 1 for each in measurements(case, "parameter_kind")):  # parameters are replaced
        return None
    names = list(dict.fromkeys(each.name for each in measurements(case, "parameter_after")))
    return Cause(
        id="changed-after-step",
        title=_TITLES.get(one.difference, _TITLES[Difference.VALUE]),
        explains=explained(case, since=one.moment),
        evidence=(
            evidence.line(one),
            "equal until then: what the step made of the weights",
            f"concerned: {evidence.listing(names)}",
        ),
        consequence="Training goes another way from there on.",
    )
