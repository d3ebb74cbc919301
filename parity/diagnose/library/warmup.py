"""The cause behind a warm-up that is given in another unit: a number of updates became a share of all updates."""

from collections.abc import Iterator
from dataclasses import dataclass

from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.curve import Curve, curve
from parity.diagnose.library.printout import prints, stores
from parity.diagnose.library.reach import VALUE, expects, explained, first
from parity.diagnose.registry import Cause, rule
from parity.trace.model import Process


@dataclass(frozen=True)
class _Option:
    """A setting and its value as it was written."""

    name: str
    text: str

    @property
    def count(self) -> int | None:
        """The value as a number of updates."""
        return int(self.text) if self.text.isdecimal() else None

    @property
    def share(self) -> float | None:
        """The value as a share of all updates."""
        try:
            value = float(self.text)
        except ValueError:
            return None
        return value if 0 < value <= 1 and not self.text.isdecimal() else None


@rule(
    "warmup-unit-changed",
    needs=("lr", "config"),
    predicts="learning rates, printed and saved ones, steps of a scheduler, and every number from there on",
    advice="Give the option the value that reproduces the reference; where the warm-up is wanted, declare it.",
)
def warmup_unit_changed(case: Case) -> Cause | None:
    """The candidate warms up for a share of all updates, given by an option that the reference does not have."""
    measurement = first(case, "lr", differences=VALUE)
    pair = case.pair("lr", measurement.name) if measurement is not None else None
    if measurement is None or pair is None or case.sides is None:
        return None
    reference, candidate = curve(pair[0]), curve(pair[1])
    lengths = _rise(reference), _rise(candidate)
    own, theirs = (list(_options(side)) for side in case.sides)
    known = {option.name for option in own}
    total, option = next(
        (
            (total, option)
            for option in theirs
            for total in _totals(candidate)
            if option.name not in known and option.share and int(total * option.share) == lengths[1]
        ),
        (0, None),
    )
    before = next((old for old in own if old.count is not None and old.name not in {one.name for one in theirs}), None)
    # a reference without the option warms up for as long as its curve rises, which has to be not at all
    if option is None or lengths[0] == lengths[1] or lengths[0] != (before.count if before and before.count else 0):
        return None
    written = f"{before.name} = {before.text}" if before else "no option"
    same_as_before = lengths[0] / total
    return Cause(
        id="warmup-unit-changed",
        title=f"The warm-up became a share of all updates: {option.name} = {option.text} instead of {written}",
        explains=explained(
            case,
            expects("lr", "scheduler_steps"),
            prints(reference, candidate, "lr", "learning"),
            stores(reference, candidate),
            since=measurement.moment,
        ),
        evidence=(
            evidence.both("what sets the warm-up", written, f"{option.name} = {option.text}"),
            evidence.both("updates of warm-up", *lengths),
            f"{option.text} of {total} updates, rounded down, is {lengths[1]}",
            evidence.both(
                f"learning rate, {evidence.moment(measurement.update)}",
                reference[measurement.update],
                candidate[measurement.update],
            ),
        ),
        consequence="Renamed, given in another unit and with another default: the early updates are made with other "
        "learning rates, and all that follows from them differs as well.",
        advice=f"Run the candidate with {option.name} = {same_as_before} to reproduce the reference; where the "
        "warm-up is wanted, declare it.",
    )


def _options(process: Process) -> Iterator[_Option]:
    for series in process.channel("config"):
        if "warmup" in series.name.replace("_", "").replace("-", "").lower() and len(series):
            yield _Option(series.name, str(series.values[0]))


def _rise(values: Curve) -> int:
    """Number of updates before the highest value."""
    peak = max(values.values())
    return next(number for number, update in enumerate(sorted(values)) if values[update] == peak)


def _totals(values: Curve) -> Iterator[int]:
    """How many updates the schedule may be made for: as many as were run, or until a straight fall arrives at 0."""
    yield len(values)
    fall = [values[update] for update in sorted(values)][_rise(values) :]
    if len(fall) < 3 or fall[0] <= fall[1]:
        return
    step = (fall[0] - fall[-1]) / (len(fall) - 1)
    is_straight = all(abs(fall[0] - number * step - value) <= 1e-9 * fall[0] for number, value in enumerate(fall))
    end = fall[0] / step
    if is_straight and abs(end - round(end)) <= 1e-6 * end:
        yield len(values) - len(fall) + round(end)
