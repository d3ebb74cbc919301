"""What the reference does not reproduce in a second run of its own, and what therefore proves nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from parity.compare.measurement import Comparison, Difference, Measurement, NotCompared, moment
from parity.trace.channels import Carries, Phase, Role

Place = tuple[int, int, int]


@dataclass(frozen=True)
class Reproduction:
    """Where a reference and its own rerun part.

    ``values`` and ``presence`` give the moment for each series: a value that jitters says nothing about whether there
    is one. ``training`` is, by rank, the first moment at which anything that defines the training parts: from there on
    no number that training passes on is reproducible, even where both runs happen to agree. The exchange of gradients
    carries it to the other ranks.
    """

    values: Mapping[tuple[str, str, int], Place] = field(default_factory=dict)
    presence: Mapping[tuple[str, str, int], Place] = field(default_factory=dict)
    training: Mapping[int, Place] = field(default_factory=dict)

    def excuses(self, measurement: Measurement) -> bool:
        """Whether ``measurement`` says no more than that the reference is not reproducible there."""
        by_value = measurement.difference is Difference.VALUE
        since = (self.values if by_value else self.presence).get(_series(measurement))
        if since is not None and measurement.moment >= since:
            return True
        if not by_value or measurement.channel.carries is not Carries.VALUES or not self.training:
            return False
        exchanged = moment(min(self.training.values())[0], Phase.BACKWARD)
        own = self.training.get(measurement.rank)
        return measurement.moment >= (exchanged if own is None else own)


def read_reproduction(rerun: Comparison | None) -> Reproduction:
    """Learn from the comparison of a reference with its rerun; from none, that everything is reproducible."""
    values: dict[tuple[str, str, int], Place] = {}
    presence: dict[tuple[str, str, int], Place] = {}
    training: dict[int, Place] = {}
    for one in rerun.measurements if rerun is not None else ():
        key = _series(one)
        values[key] = min(values.get(key, one.moment), one.moment)
        if one.difference is not Difference.VALUE:
            presence[key] = min(presence.get(key, one.moment), one.moment)
        if defines_training(one):
            training[one.rank] = min(training.get(one.rank, one.moment), one.moment)
    return Reproduction(values, presence, training)


def defines_training(measurement: Measurement) -> bool:
    """Whether the channel is part of the training itself, not of its surroundings or of what is printed about it."""
    return measurement.channel.role is Role.BEHAVIOUR and measurement.phase is not Phase.LOG


def irreproducible(measurement: Measurement) -> NotCompared:
    """The entry that says why ``measurement`` was not compared."""
    return NotCompared(
        channel=measurement.channel.name,
        name=measurement.name,
        reason="the reference does not reproduce it in a second run of its own",
    )


def _series(measurement: Measurement) -> tuple[str, str, int]:
    return measurement.channel.name, measurement.name, measurement.rank
