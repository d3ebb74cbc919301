"""Causes in what is done at another place of the training loop: evaluations, and what is done once."""

from parity.compare.measurement import Difference
from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.occasions import FORWARDS, Counts, counts, disturbance
from parity.diagnose.library.reach import START, at, expects, explained, first
from parity.diagnose.registry import Cause, rule
from parity.trace.channels import Phase
from parity.trace.model import Process

_FEWEST = 2
_SAVED = ("checkpoint_file", "checkpoint_kind", "checkpoint_tensor", "checkpoint_value", "checkpoint_moved")


@rule(
    "evaluation-displaced",
    needs=(FORWARDS,),
    predicts="all that evaluations show, checkpoints that are written with them, weights that are drawn or moved by "
    "them, generators and batches, and every number from there on",
    advice="Compare where in the loop the evaluation stands: before the first batch of an update, or behind its step.",
)
def evaluation_displaced(case: Case) -> Cause | None:
    """The candidate evaluates as often and as much as the reference, every time an update earlier or later."""
    if case.sides is None:
        return None
    ours, theirs = (counts(side, FORWARDS) for side in case.sides)
    shift = _shift(ours, theirs)
    differing = [
        one for kind in (Difference.MISSING, Difference.EXTRA) if (one := first(case, FORWARDS, differences={kind}))
    ]
    if not shift or not differing:
        return None
    start = min(one.moment for one in differing)
    when = f"{evidence.plural(abs(shift), 'update')} {'later' if shift > 0 else 'earlier'}"
    place = " (behind the update that it stands before in the reference)" if shift == 1 else ""
    return Cause(
        id="evaluation-displaced",
        title=f"The candidate evaluates {when}{place}",
        explains=explained(
            case,
            *disturbance(start),
            expects(*_SAVED, since=start),
            expects("parameter_outside", since=START),
            since=start,
        ),
        evidence=(
            evidence.both("evaluations after updates", _listed(ours), _listed(theirs)),
            evidence.both("evaluation forwards", sum(ours.values()), sum(theirs.values())),
        ),
        consequence="Every estimate is that of other weights, and whatever evaluations draw from generators of the "
        "training, or initialise, is drawn at another place.",
    )


@rule(
    "event-displaced",
    needs=("log_line",),
    predicts="everything from the earlier of both places on",
    advice="Compare what triggers it: how often that is looked at, and what is counted, from where.",
)
def event_displaced(case: Case) -> Cause | None:
    """What both sides say that they do once, the candidate does after another update; all differences begin there."""
    place = case.judgement.first_divergence
    if case.sides is None or place is None or place.update < 0 or case.findings("updates", "exit_status"):
        return None
    ours, theirs = (_said_once(side) for side in case.sides)
    moved = {line: (ours[line], theirs[line]) for line in ours.keys() & theirs.keys() if ours[line] != theirs[line]}
    near = {line: both for line, both in moved.items() if min(both) in (place.update - 1, place.update)}
    if not near:
        return None
    line, both = min(near.items(), key=lambda one: (min(one[1]), one[0]))
    start = at(min(both), Phase.EVAL)
    distance = evidence.plural(abs(both[1] - both[0]), "update")
    when = "later" if both[1] > both[0] else "earlier"
    return Cause(
        id="event-displaced",
        title=f"The candidate does {distance} {when} what it calls {line!r}",
        explains=explained(case, lambda one: one.moment >= start, since=start),
        evidence=(
            evidence.both(f"printed {line!r}, after update", *both),
            *(f"as does {other!r}" for other in sorted(near.keys() - {line})[:_FEWEST]),
        ),
        consequence="What is changed while the training goes on is changed at another time.",
    )


def _said_once(process: Process) -> dict[str, int]:
    """Lines that are printed once, while the training goes on, with the update that they follow."""
    return {
        series.name: int(series.updates[0])
        for series in process.channel("log_line")
        if len(series) == 1 and series.updates[0] >= 0
    }


def _shift(ours: Counts, theirs: Counts) -> int:
    """By how many updates all evaluations are moved, apart from those at the end, which stay; 0 if they are not."""
    pairs = list(zip(_flat(ours), _flat(theirs), strict=False))
    shifts = [theirs - ours for ours, theirs in pairs]
    moved = [shift for shift in shifts if shift]
    if sum(ours.values()) != sum(theirs.values()) or len(set(moved)) != 1 or shifts[: len(moved)] != moved:
        return 0
    return moved[0] if len({update for update, _ in pairs[: len(moved)]}) >= _FEWEST else 0


def _flat(found: Counts) -> list[int]:
    return [update for update, count in found.items() for _ in range(count)]


def _listed(found: Counts) -> str:
    return evidence.listing([str(update) for update in found]) or "none"
