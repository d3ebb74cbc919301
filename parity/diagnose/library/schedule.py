"""Causes in the learning rate: compare the two curves, not their values at one update."""

from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.curve import constant, cosine, follows, parting, same, slope
from parity.diagnose.library.rates import Rates, differing_rates
from parity.diagnose.registry import Cause, rule

_SHIFTS = (1, -1, 2, -2, 3, -3)


_CONSEQUENCES = {
    "learning-rate-zero-at-start": "The first update changes no parameter: one batch is consumed without learning "
    "anything, and the warm-up lags behind from then on.",
    "learning-rate-constant": "The schedule has no effect: neither warm-up nor decay takes place.",
    "learning-rate-shifted": "Every update is made with the learning rate that belongs to another one.",
    "schedule-warmup": "The warm-up has another length: the early updates, where training is most fragile, are made "
    "with other learning rates.",
    "schedule-horizon": "The learning rate decays over another span, so that training ends at another rate than "
    "the reference's.",
}


@rule(
    "learning-rate-zero-at-start",
    needs=("lr",),
    predicts="learning rates, printed and saved ones, steps of a scheduler, and every number from there on",
    advice="Count the warm-up from one: (e + 1) / (W + 1) in place of e / W.",
)
def learning_rate_zero_at_start(case: Case) -> Cause | None:
    """The candidate's first learning rate is 0 and the reference's is not."""
    rates = differing_rates(case)
    if rates is None:
        return None
    start = min(rates.candidate)
    if rates.candidate[start] != 0 or rates.reference.get(start, 0.0) == 0:
        return None
    lines = [rates.line(update) for update in sorted(rates.candidate)[:3] if update in rates.reference]
    ours, theirs = slope(rates.reference), slope(rates.candidate)
    if ours is not None and theirs is not None:
        lines.append(evidence.both("rise of the learning rate per update", ours, theirs))
    title = "The candidate's first learning rate is 0"
    return _cause(rates, case, "learning-rate-zero-at-start", title, tuple(lines))


@rule(
    "learning-rate-constant",
    needs=("lr",),
    predicts="learning rates, printed and saved ones, steps of a scheduler, and every number from there on",
    advice="Check that the schedule is computed and written into every parameter group at every update.",
)
def learning_rate_constant(case: Case) -> Cause | None:
    """The candidate never changes the learning rate, the reference does."""
    rates = differing_rates(case)
    if rates is None or len(rates.candidate) < 2 or not constant(rates.candidate) or constant(rates.reference):
        return None
    value = next(iter(rates.candidate.values()))
    low, high = min(rates.reference.values()), max(rates.reference.values())
    lines = (
        f"candidate: {value!r} in all {len(rates.candidate)} updates",
        f"reference: between {low!r} and {high!r}",
        rates.line(rates.last),
    )
    title = "The candidate's learning rate never changes"
    return _cause(rates, case, "learning-rate-constant", title, lines)


@rule(
    "learning-rate-shifted",
    needs=("lr",),
    predicts="learning rates, printed and saved ones, steps of a scheduler, and every number from there on",
    advice="Compare where the schedule is evaluated or stepped: before or after the counter is incremented, before or "
    "after optimizer.step().",
)
def learning_rate_shifted(case: Case) -> Cause | None:
    """The candidate's curve is the reference's, a few updates early or late."""
    rates = differing_rates(case)
    if rates is None:
        return None
    for shift in _SHIFTS:
        points = follows(rates.reference, rates.candidate, shift=shift)
        if points:
            when = "ahead of" if shift > 0 else "behind"
            distance = evidence.plural(abs(shift), "update")
            lines = (
                f"candidate(t) = reference(t {'+' if shift > 0 else '-'} {abs(shift)}) at all {points} common points",
                rates.line(rates.place[0]),
            )
            title = f"The candidate's learning rate runs {distance} {when} the reference's"
            return _cause(rates, case, "learning-rate-shifted", title, lines)
    return None


@rule(
    "learning-rate-scaled",
    needs=("lr",),
    predicts="learning rates, printed and saved ones, steps of a scheduler, and every number from there on",
    advice="Compare the base learning rate and whatever it is multiplied with.",
)
def learning_rate_scaled(case: Case) -> Cause | None:
    """The candidate's learning rate is a constant multiple of the reference's."""
    rates = differing_rates(case)
    if rates is None:
        return None
    common = rates.common
    factor = rates.candidate[common[0]] / rates.reference[common[0]] if rates.reference[common[0]] else 0.0
    fits = all(same(rates.candidate[update], factor * rates.reference[update]) for update in common)
    if factor == 0 or len(common) < 2 or not fits:
        return None
    known = [name for name, number in _numbers(case) if same(factor, number) or same(factor, 1 / number)]
    lines = (
        f"the ratio is {factor!r} at all {len(common)} updates",
        rates.line(common[0]),
        *(f"this is {name} or its inverse" for name in known),
    )
    title = f"The candidate's learning rate is {factor:.9g} times the reference's throughout"
    consequence = f"Every update is made with {factor:.9g} times the learning rate that was meant."
    return rates.cause(case, "learning-rate-scaled", title, lines, consequence)


@rule(
    "schedule-warmup",
    needs=("lr",),
    predicts="learning rates, printed and saved ones, steps of a scheduler, and every number from there on",
    advice="Compare the number of warm-up steps, its unit (updates or micro-steps) and the denominator (W or W + 1).",
)
def schedule_warmup(case: Case) -> Cause | None:
    """Both curves rise along a straight line from the first update, with different slopes."""
    rates = differing_rates(case)
    if rates is None or rates.place[0] != min(rates.reference):
        return None
    ours, theirs = slope(rates.reference), slope(rates.candidate)
    if ours is None or theirs is None or abs(ours / theirs - 1) < 1e-6:
        return None
    lines = (
        evidence.both("rise of the learning rate per update", ours, theirs),
        rates.line(rates.place[0]),
        evidence.both("highest learning rate", max(rates.reference.values()), max(rates.candidate.values())),
    )
    title = "The candidate warms up along another slope"
    return _cause(rates, case, "schedule-warmup", title, lines)


@rule(
    "schedule-horizon",
    needs=("lr",),
    predicts="learning rates, printed and saved ones, steps of a scheduler, and every number from there on",
    advice="Compare the number of updates the schedule is built for, its unit, and how often it is stepped.",
)
def schedule_horizon(case: Case) -> Cause | None:
    """The candidate's curve is the reference's on another time scale, or leaves it in order to decay differently."""
    rates = differing_rates(case)
    if rates is None or constant(rates.reference):
        return None
    scaled = _time_scale(case, rates)
    if scaled is not None:
        title, lines = scaled
        return _cause(rates, case, "schedule-horizon", title, (*lines, rates.line(rates.last)))
    parted = parting(rates.reference, rates.candidate)
    # One equal point may be chance: any two schedules with the same first value have it.
    if parted is None or parted < min(rates.reference) + 2 or not _decays(rates):
        return None
    lines = (
        f"equal before update {parted}",
        rates.line(parted),
        *(rates.line(update) for update in sorted({rates.farthest, rates.last} - {parted})),
        *_horizons(rates),
    )
    title = f"The learning rates are equal before update {parted} and then decay along different curves"
    return _cause(rates, case, "schedule-horizon", title, lines)


def _cause(rates: Rates, case: Case, identifier: str, title: str, lines: tuple[str, ...]) -> Cause:
    return rates.cause(case, identifier, title, lines, _CONSEQUENCES[identifier])


def _numbers(case: Case) -> list[tuple[str, int]]:
    """Accumulation N, world size W and their product on both sides, where they are not 1."""
    found: dict[int, str] = {}
    for micro_steps, world in zip(case.micro_steps(), case.worlds(), strict=True):
        found.setdefault(micro_steps, f"the number of micro-steps, {micro_steps}")
        found.setdefault(world, f"the world size, {world}")
        found.setdefault(micro_steps * world, f"micro-steps times world size, {micro_steps * world}")
    return [(name, number) for number, name in found.items() if number > 1]


def _time_scale(case: Case, rates: Rates) -> tuple[str, tuple[str, ...]] | None:
    for name, factor in _numbers(case):
        faster = follows(rates.reference, rates.candidate, factor=factor)
        slower = follows(rates.candidate, rates.reference, factor=factor)
        if faster or slower:
            speed = "fast" if faster else "slow"
            left, right = ("candidate", "reference") if faster else ("reference", "candidate")
            title = f"The candidate's learning-rate schedule runs {factor} times too {speed}"
            return title, (
                f"{left}(t) = {right}({factor} t) at all {faster or slower} common points",
                f"this is {name}",
            )
    return None


def _decays(rates: Rates) -> bool:
    """Whether a side falls from its peak by the last common update."""
    return any(side[rates.last] < max(side.values()) for side in (rates.reference, rates.candidate))


def _horizons(rates: Rates) -> tuple[str, ...]:
    ours, theirs = cosine(rates.reference), cosine(rates.candidate)
    if ours is None or theirs is None:
        return ()
    return (
        evidence.both("length of the cosine that fits the decay, in updates", round(ours[0], 3), round(theirs[0], 3)),
        evidence.both("learning rate at its end", float(f"{ours[1]:.6g}"), float(f"{theirs[1]:.6g}")),
    )
