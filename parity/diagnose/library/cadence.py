"""Causes in how often a scheduler is stepped: counts per update are exact, whatever the schedule's form is."""

from collections.abc import Iterator
from typing import Final

from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.curve import curve
from parity.diagnose.library.printout import prints, stores
from parity.diagnose.library.reach import VALUE, expects, explained, first
from parity.diagnose.registry import Cause, Declaration, rule_of
from parity.trace.model import Series

_PREDICTS: Final = "learning rates, printed and saved ones, steps of the scheduler, and every number from there on"
_ADVICE: Final = {
    "scheduler-per-micro-step": "Step the scheduler once per update, behind the optimizer and out of the loop over "
    "micro-steps.",
    "scheduler-at-skipped-update": "Step the scheduler only if the scaler did not skip the update: its scale falls "
    "where it did.",
    "scheduler-cadence": "Compare where the scheduler is stepped, and the unit that it is built for (update, epoch).",
}
_WHAT: Final = {
    "scheduler-per-micro-step": "The scheduler is stepped at every micro-step instead of once per update.",
    "scheduler-at-skipped-update": "The scheduler goes on, on one side only, where the loss scaler skips an update.",
    "scheduler-cadence": "The scheduler is stepped more often, or more seldom, such as once per epoch.",
}


def _declared() -> Iterator[Declaration]:
    for name, what in _WHAT.items():
        yield Declaration(id=name, what=what, needs=("lr", "scheduler_steps"), predicts=_PREDICTS, advice=_ADVICE[name])


@rule_of(*_declared())
def scheduler_cadence(case: Case) -> Cause | None:
    """The scheduler is stepped another number of times, and the learning rates differ for it."""
    rate, pair = first(case, "lr", differences=VALUE), case.pair("scheduler_steps")
    rates = case.pair("lr", rate.name) if rate is not None else None
    if rate is None or rates is None or pair is None or not case.findings("scheduler_steps"):
        return None
    ours, theirs = (_counts(series) for series in pair)
    common = sorted(ours.keys() & theirs.keys())
    differing = [update for update in common if ours[update] != theirs[update]]
    if not differing:
        return None
    start = differing[0]
    name, title = _kind(case, ours, theirs, common)
    return Cause(
        id=name,
        title=title,
        explains=explained(
            case,
            expects("lr", "scheduler_steps"),
            prints(curve(rates[0]), curve(rates[1]), "lr", "learning"),
            stores(curve(rates[0]), curve(rates[1])),
            since=rate.moment,
        ),
        evidence=(
            evidence.both(f"scheduler steps, {evidence.moment(start)}", ours[start], theirs[start]),
            evidence.both("steps in all", sum(ours[one] for one in common), sum(theirs[one] for one in common)),
            evidence.line(rate),
        ),
        consequence="The schedule is spent too early, or never used up: every update has the rate of another one.",
    )


def _counts(series: Series) -> dict[int, int]:
    return {int(update): int(value) for update, value in zip(series.updates, series.values, strict=True)}


def _kind(case: Case, ours: dict[int, int], theirs: dict[int, int], common: list[int]) -> tuple[str, str]:
    skipped = case.pair("step_skipped")
    passed = {update + 1 for update, value in _counts(skipped[1]).items() if value} if skipped is not None else set()
    differing = {update for update in common if ours[update] != theirs[update]}
    if differing <= passed:
        more = all(theirs[update] > ours[update] for update in differing)
        deed = "steps its scheduler" if more else "holds its scheduler back"
        return "scheduler-at-skipped-update", f"The candidate {deed} where the loss scaler skips an update"
    micro_steps = max(case.micro_steps())
    total = sum(theirs[update] for update in common)
    if micro_steps > 1 and max(ours.values()) == 1 and max(theirs.values()) == micro_steps:
        return "scheduler-per-micro-step", "The candidate steps its scheduler at every micro-step"
    due = sum(ours[update] for update in common)
    often = f"{total} times in {evidence.plural(len(common), 'update')}, the reference {due}"
    return "scheduler-cadence", f"The candidate steps its scheduler {often}"
