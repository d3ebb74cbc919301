"""Causes in the learning rate: compare the two curves, not their values at one update."""

from dataclasses import dataclass

from parity.diagnose.case import Case, Place
from parity.diagnose.library import evidence
from parity.diagnose.library.curve import Curve, constant, cosine, curve, follows, parting, same, slope
from parity.diagnose.library.printout import prints, stores
from parity.diagnose.library.reach import VALUE, expects, explained, first
from parity.diagnose.registry import Cause, rule

_SHIFTS = (1, -1, 2, -2, 3, -3)


@dataclass(frozen=True)
class _Rates:
    """The learning rates of the first parameter group that differs, and the place where it does."""

    reference: Curve
    candidate: Curve
    place: Place

    def line(self, update: int) -> str:
        """Both values at ``update``."""
        what = f"learning rate, {evidence.moment(update)}"
        return evidence.both(what, self.reference[update], self.candidate[update])

    @property
    def last(self) -> int:
        """The last common update."""
        return max(self.reference.keys() & self.candidate.keys())

    @property
    def farthest(self) -> int:
        """The common update with the largest difference, the last of several."""
        common = sorted(self.reference.keys() & self.candidate.keys(), reverse=True)
        return max(common, key=lambda update: abs(self.reference[update] - self.candidate[update]))

    def cause(self, case: Case, identifier: str, title: str, lines: tuple[str, ...], *, consequence: str = "") -> Cause:
        """A cause that explains the learning rates, their printed values and all that follows from them."""
        return Cause(
            id=identifier,
            title=title,
            explains=explained(
                case,
                expects("lr", "scheduler_steps"),
                prints(self.reference, self.candidate, "lr", "learning"),
                stores(self.reference, self.candidate),
                since=self.place,
            ),
            evidence=lines,
            consequence=consequence or _CONSEQUENCES[identifier],
        )


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
    rates = _rates(case)
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
    return rates.cause(case, "learning-rate-zero-at-start", title, tuple(lines))


@rule(
    "learning-rate-constant",
    needs=("lr",),
    predicts="learning rates, printed and saved ones, steps of a scheduler, and every number from there on",
    advice="Check that the schedule is computed and written into every parameter group at every update.",
)
def learning_rate_constant(case: Case) -> Cause | None:
    """The candidate never changes the learning rate, the reference does."""
    rates = _rates(case)
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
    return rates.cause(case, "learning-rate-constant", title, lines)


@rule(
    "learning-rate-shifted",
    needs=("lr",),
    predicts="learning rates, printed and saved ones, steps of a scheduler, and every number from there on",
    advice="Compare where the schedule is evaluated or stepped: before or after the counter is incremented, before or "
    "after optimizer.step().",
)
def learning_rate_shifted(case: Case) -> Cause | None:
    """The candidate's curve is the reference's, a few updates early or late."""
    rates = _rates(case)
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
            return rates.cause(case, "learning-rate-shifted", title, lines)
    return None


@rule(
    "learning-rate-scaled",
    needs=("lr",),
    predicts="learning rates, printed and saved ones, steps of a scheduler, and every number from there on",
    advice="Compare the base learning rate and whatever it is multiplied with.",
)
def learning_rate_scaled(case: Case) -> Cause | None:
    """The candidate's learning rate is a constant multiple of the reference's."""
    rates = _rates(case)
    if rates is None:
        return None
    common = sorted(rates.reference.keys() & rates.candidate.keys())
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
    return rates.cause(case, "learning-rate-scaled", title, lines, consequence=consequence)


@rule(
    "schedule-warmup",
    needs=("lr",),
    predicts="learning rates, printed and saved ones, steps of a scheduler, and every number from there on",
    advice="Compare the number of warm-up steps, its unit (updates or micro-steps) and the denominator (W or W + 1).",
)
def schedule_warmup(case: Case) -> Cause | None:
    """Both curves rise along a straight line from the first update, with different slopes."""
    rates = _rates(case)
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
    return rates.cause(case, "schedule-warmup", title, lines)


@rule(
    "schedule-horizon",
    needs=("lr",),
    predicts="learning rates, printed and saved ones, steps of a scheduler, and every number from there on",
    advice="Compare the number of updates the schedule is built for, its unit, and how often it is stepped.",
)
def schedule_horizon(case: Case) -> Cause | None:
    """The candidate's curve is the reference's on another time scale, or leaves it in order to decay differently."""
    rates = _rates(case)
    if rates is None or constant(rates.reference):
        return None
    scaled = _time_scale(case, rates)
    if scaled is not None:
        title, lines = scaled
        return rates.cause(case, "schedule-horizon", title, (*lines, rates.line(rates.last)))
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
    return rates.cause(case, "schedule-horizon", title, lines)


def _rates(case: Case) -> _Rates | None:
    measurement = first(case, "lr", differences=VALUE)
    pair = case.pair("lr", measurement.name) if measurement is not None else None
    # The curves are those of the lowest rank; another one may be the only one that differs.
    if measurement is None or pair is None or pair[0].values.tolist() == pair[1].values.tolist():
        return None
    return _Rates(curve(pair[0]), curve(pair[1]), measurement.moment)


def _numbers(case: Case) -> list[tuple[str, int]]:
    """Accumulation N, world size W and their product on both sides, where they are not 1."""
    found: dict[int, str] = {}
    for micro_steps, world in zip(case.micro_steps(), case.worlds(), strict=True):
        found.setdefault(micro_steps, f"the number of micro-steps, {micro_steps}")
        found.setdefault(world, f"the world size, {world}")
        found.setdefault(micro_steps * world, f"micro-steps times world size, {micro_steps * world}")
    return [(name, number) for number, name in found.items() if number > 1]


def _time_scale(case: Case, rates: _Rates) -> tuple[str, tuple[str, ...]] | None:
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


def _decays(rates: _Rates) -> bool:
    """Whether a side falls from its peak by the last common update."""
    return any(side[rates.last] < max(side.values()) for side in (rates.reference, rates.candidate))


def _horizons(rates: _Rates) -> tuple[str, ...]:
    ours, theirs = cosine(rates.reference), cosine(rates.candidate)
    if ours is None or theirs is None:
        return ()
    return (
        evidence.both("length of the cosine that fits the decay, in updates", round(ours[0], 3), round(theirs[0], 3)),
        evidence.both("learning rate at its end", float(f"{ours[1]:.6g}"), float(f"{theirs[1]:.6g}")),
    )
