"""Causes in learning rates that plunge and warm up again, as they do after a reset of an optimizer's moments."""

from itertools import pairwise
from typing import Final

from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.curve import Curve, same
from parity.diagnose.library.rates import Rates, differing_rates
from parity.diagnose.registry import Cause, rule

_PLUNGE: Final = 0.1

Restarts = dict[int, int]
"""The update at which the learning rate plunges, and how many updates it rises for from there."""


@rule(
    "warmup-after-restart",
    needs=("lr",),
    predicts="learning rates, printed and saved ones, and every number from the first of these updates on",
    advice="Compare what lowers the learning rate outside of the schedule: how often it is called in an update, what "
    "it counts, and for how long it goes on.",
)
def warmup_after_restart(case: Case) -> Cause | None:
    """The learning rate plunges in mid-training and warms up again: on one side only, at other updates, or longer."""
    rates = differing_rates(case)
    if rates is None:
        return None
    ours, theirs = restarts(rates.reference), restarts(rates.candidate)
    if ours == theirs or not _is_all(rates, ours, theirs):
        return None
    lines = (
        evidence.both("updates at which it plunges", _listed(ours), _listed(theirs)),
        evidence.both("updates that it rises for from there", _lengths(ours), _lengths(theirs)),
        rates.line(rates.place[0]),
        rates.line(rates.farthest),
    )
    return rates.cause(
        case,
        "warmup-after-restart",
        _title(ours, theirs),
        lines,
        "The schedule is the same; what interrupts it is not, so that some updates are made with a small part of the "
        "learning rate that they have on the other side.",
    )


def restarts(values: Curve) -> Restarts:
    """Find where ``values`` fall to less than a tenth from one update to the next, and rise at once."""
    order = sorted(values)
    found: Restarts = {}
    for place, (before, update) in enumerate(pairwise(order), start=1):
        if not values[update] < _PLUNGE * values[before]:
            continue
        end = place
        while end + 1 < len(order) and values[order[end + 1]] > values[order[end]]:
            end += 1
        if end > place:
            found[update] = order[end] - update
    return found


def _is_all(rates: Rates, ours: Restarts, theirs: Restarts) -> bool:
    """Whether the curves differ in restarts only, and meet again behind the first of these differences."""
    inside = {update + rise for side in (ours, theirs) for update, length in side.items() for rise in range(length + 1)}
    apart = {update for update in rates.common if not same(rates.reference[update], rates.candidate[update])}
    return bool(apart) and apart <= inside and any(update > min(apart) for update in set(rates.common) - apart)


def _title(ours: Restarts, theirs: Restarts) -> str:
    if not theirs:
        return f"The candidate's learning rate never plunges, the reference's does {_times(ours)} and warms up again"
    if not ours:
        return f"The candidate's learning rate plunges {_times(theirs)} and warms up again, the reference's never"
    if ours.keys() == theirs.keys():
        return "After a plunge, the candidate's learning rate warms up for another number of updates"
    return "The candidate's learning rate plunges at other updates"


def _times(found: Restarts) -> str:
    return evidence.plural(len(found), "time")


def _listed(found: Restarts) -> str:
    return evidence.listing([str(update) for update in found]) or "none"


def _lengths(found: Restarts) -> str:
    return evidence.listing([str(length) for length in found.values()]) or "none"
