"""How far a cause reaches: which findings a mechanism predicts."""

from collections.abc import Callable, Collection

from parity.compare.measurement import Difference, Measurement, moment
from parity.diagnose.case import Case, Place
from parity.findings.model import Finding
from parity.trace.channels import Phase

Prediction = Callable[[Measurement], bool]

START: Place = (-2, 0, 0)
ANY: frozenset[Difference] = frozenset(Difference)
VALUE: frozenset[Difference] = frozenset({Difference.VALUE})


def at(update: int, phase: Phase) -> Place:
    """The beginning of ``phase`` in ``update``; of what happens in every micro-step, in the first of them."""
    return moment(update, phase)


def expects(*channels: str, since: Place = START, differences: Collection[Difference] = ANY) -> Prediction:
    """Predict differences of certain kinds in ``channels``, from a place on."""
    return lambda measurement: (
        measurement.channel.name in channels and measurement.difference in differences and measurement.moment >= since
    )


def explained(case: Case, *predictions: Prediction, since: Place | None = None) -> tuple[str, ...]:
    """Fingerprints of the findings that begin with a predicted difference, in causal order.

    With ``since``, numeric findings that begin there or later are predicted too: a different number spreads.
    """
    spread = {finding.id for finding in case.downstream(since)} if since is not None else set()
    return tuple(
        dict.fromkeys(
            finding.id for finding in case.judgement.gating if finding.id in spread or _begins(finding, predictions)
        )
    )


def _begins(finding: Finding, predictions: tuple[Prediction, ...]) -> bool:
    # Several series may begin to differ at the same place; their order among each other means nothing.
    first = (measurement for measurement in finding.measurements if measurement.moment == finding.first.moment)
    return any(predicts(measurement) for measurement in first for predicts in predictions)


def first(case: Case, *channels: str, differences: Collection[Difference] = ANY) -> Measurement | None:
    """The earliest gating measurement in ``channels``."""
    found = [
        measurement
        for finding in case.findings(*channels)
        for measurement in finding.measurements
        if measurement.difference in differences
    ]
    return min(found, key=lambda measurement: measurement.moment, default=None)


def measurements(case: Case, *channels: str, differences: Collection[Difference] = ANY) -> list[Measurement]:
    """All gating measurements in ``channels``."""
    return [
        measurement
        for finding in case.findings(*channels)
        for measurement in finding.measurements
        if measurement.difference in differences
    ]
