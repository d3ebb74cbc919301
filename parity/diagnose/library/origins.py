"""Causes in where a schedule begins to count, and in learning rates that belong to a new optimizer."""

import re
from collections.abc import Iterator
from typing import Final

from parity.diagnose.case import Case, Pair
from parity.diagnose.library import evidence
from parity.diagnose.library.curve import curve, same
from parity.diagnose.library.printout import LOG
from parity.diagnose.library.rates import Rates, differing_rates
from parity.diagnose.library.reach import expects
from parity.diagnose.parting import parting
from parity.diagnose.registry import Cause, rule
from parity.trace.model import Process
from parity.trace.printed import number

_FEWEST: Final = 3
_SETTING: Final = re.compile(r"warm[ _-]?up|decay|horizon|peak|(?:max|min|base)[ _](?:lr|learning rate)")
_FURTHER: Final = "#"
"""In the names of what belongs to a further model, beside the one that is trained first."""


@rule(
    "schedule-counter-shifted",
    needs=("lr", "log_value"),
    predicts="learning rates, printed and saved ones, the printed counter, and every number from there on",
    advice="Compare what sets the counter that the schedule follows: where it begins, what sets it back while the "
    "training goes on, and whether a resumed run takes it over.",
)
def schedule_counter_shifted(case: Case) -> Cause | None:
    """From the update on at which the learning rates part, a printed counter is some updates ahead or behind.

    Both sides count on by one in every update; before, they agree.
    """
    place, rates = parting(case.judgement), differing_rates(case)
    if rates is None or place is None or place.channel.name != "lr":
        return None
    found = {pair[0].name: shift for pair in case.pairs(LOG) if (shift := _shift(pair, rates.place[0]))}
    if not found:
        return None
    name, shift = next(iter(found.items()))
    counter = number(name)
    label = repr(counter.label) if counter is not None else name
    pair = case.pair(LOG, name)
    assert pair is not None
    ours, theirs = curve(pair[0]), curve(pair[1])
    first = _apart(ours, theirs)[0]
    return rates.cause(
        case,
        "schedule-counter-shifted",
        f"The candidate's schedule counts {evidence.plural(abs(shift), 'update')} {'ahead' if shift > 0 else 'behind'} "
        f"from update {rates.place[0]} on",
        (
            evidence.both(f"printed {label}, {evidence.moment(first)}", ours[first], theirs[first]),
            f"the distance is {shift} at all {len(_apart(ours, theirs))} places from there on",
            rates.line(rates.place[0]),
            rates.line(rates.last),
        ),
        "Updates are made with the learning rates of another part of the schedule.",
        lambda one: one.channel.name == LOG and one.name in found,
    )


@rule(
    "schedule-setting-differs",
    needs=("lr", "log_value"),
    predicts="learning rates, printed and saved ones, the printed setting, and every number from there on",
    advice="Compare what sets this value: the option, its default, and whatever changes it while the training goes on.",
)
def schedule_setting_differs(case: Case) -> Cause | None:
    """A setting of the schedule that both sides print, such as its warm-up, is another one when the rates part.

    From there on it is one value on each side; before, it is the same.
    """
    place, rates = parting(case.judgement), differing_rates(case)
    if rates is None or place is None or place.channel.name != "lr":
        return None
    found = {pair[0].name: values for pair in case.pairs(LOG) if (values := _setting(pair, rates.place[0]))}
    if not found:
        return None
    name, (since, ours, theirs) = next(iter(found.items()))
    setting = number(name)
    label = setting.label if setting is not None else name
    return rates.cause(
        case,
        "schedule-setting-differs",
        f"The candidate's schedule has {label} {theirs:g} in place of {ours:g}",
        (
            evidence.both(f"printed {label!r}, {evidence.moment(since)} and later", ours, theirs),
            rates.line(rates.place[0]),
            rates.line(rates.last),
        ),
        "Updates are made with the learning rates of another schedule.",
        lambda one: one.channel.name == LOG and one.name in found,
    )


@rule(
    "rate-of-a-new-optimizer",
    needs=("lr", "parameter_kind"),
    predicts="the learning rates of these updates, printed and saved ones, and every number from there on",
    advice="Compare the learning rate that an optimizer is built with while the training goes on, and whether the "
    "schedule sets it once more before the next step.",
)
def rate_of_a_new_optimizer(case: Case) -> Cause | None:
    """Learning rates differ in updates before which the network was rebuilt, and are the same in all others."""
    rates = differing_rates(case)
    if rates is None or case.sides is None:
        return None
    apart = [update for update in rates.common if not same(rates.reference[update], rates.candidate[update])]
    rebuilt = _rebuilt(case.sides[0]) & _rebuilt(case.sides[1])
    if not apart or not set(apart) <= rebuilt or len(rates.common) - len(apart) < _FEWEST:
        return None
    updates = ", ".join(map(str, apart))
    return rates.cause(
        case,
        "rate-of-a-new-optimizer",
        "The first update after a rebuilding of the network is made with another learning rate",
        (
            f"learning rates differ in updates {updates}, and in none of the {len(rates.common) - len(apart)} others",
            f"the network was rebuilt before update {', '.join(map(str, sorted(rebuilt)))}",
            *(rates.line(update) for update in apart[:_FEWEST]),
            *_constant(rates, apart),
        ),
        "A single update is made with a learning rate that the schedule does not give, on one of the sides.",
        expects("optimizer_state_initial", "parameter_initial", since=rates.place),
    )


def _shift(pair: Pair, update: int) -> int:
    """By how much the candidate's counter is ahead, 0 if these are no counters that part with the learning rates."""
    ours, theirs = curve(pair[0]), curve(pair[1])
    places = _apart(ours, theirs)
    # a number that belongs to an update may be printed before it begins
    if len(places) < _FEWEST or places[0] not in (update - 1, update) or ours.keys() != theirs.keys():
        return 0
    if places != [one for one in sorted(ours) if one >= places[0]]:
        return 0
    distances = {theirs[one] - ours[one] for one in places}
    counts = all(side[one] - one == side[places[0]] - places[0] for side in (ours, theirs) for one in places)
    distance = distances.pop()
    return int(distance) if counts and not distances and distance.is_integer() else 0


def _setting(pair: Pair, update: int) -> tuple[int, float, float] | None:
    """Since when, and as what, both sides print a setting of the schedule that differs once the learning rates do."""
    printed = number(pair[0].name)
    if printed is None or not _SETTING.search(printed.label):
        return None
    ours, theirs = curve(pair[0]), curve(pair[1])
    places = _apart(ours, theirs)
    if len(places) < _FEWEST or places[0] > update or ours.keys() != theirs.keys():
        return None
    if places != [one for one in sorted(ours) if one >= places[0]]:
        return None
    values = {(ours[one], theirs[one]) for one in places}
    return (places[0], *values.pop()) if len(values) == 1 else None


def _apart(ours: dict[int, float], theirs: dict[int, float]) -> list[int]:
    return [one for one in sorted(ours.keys() & theirs.keys()) if ours[one] != theirs[one]]


def _rebuilt(process: Process) -> set[int]:
    """The updates before which parameters that were known are made anew."""
    return {
        int(update)
        for channel in ("parameter_kind", "parameter_initial")
        for series in process.channel(channel)
        if _FURTHER not in series.name
        for update in series.updates[1:]
    }


def _constant(rates: Rates, apart: list[int]) -> Iterator[str]:
    """Which side has the same rate each time: one that an optimizer is built with, whatever the schedule says."""
    for side, values in (("reference", rates.reference), ("candidate", rates.candidate)):
        found = {values[update] for update in apart}
        if len(apart) > 1 and len(found) == 1:
            yield f"it is {found.pop()!r} in the {side} each time"
