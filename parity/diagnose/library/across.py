"""What the ranks of one run have in common, and where they part."""

from dataclasses import dataclass

import numpy as np

from parity.compare.series import positions
from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.trace.model import Series, Trace, Value


@dataclass(frozen=True, kw_only=True)
class Parting:
    """The first update at which a rank has another value than the lowest one: both values, the lowest rank's first."""

    channel: str
    name: str
    update: int
    rank: int
    values: tuple[Value, Value]

    @property
    def line(self) -> str:
        """Both values in words."""
        name = f" {self.name!r}" if self.name else ""
        lowest, other = map(evidence.word, self.values)
        when = evidence.moment(self.update)
        return f"{self.channel}{name}, {when}, in the candidate: {lowest} on rank 0, {other} on rank {self.rank}"


def worlds(case: Case) -> int:
    """The number of ranks that both sides have and that left something behind; 0 where there are not several."""
    ours, theirs = case.worlds()
    return ours if ours == theirs and ours > 1 else 0


def newly_apart(case: Case, channel: str) -> Parting | None:
    """Where ranks of the candidate part in ``channel``, if those of the reference have it and never do."""
    if not worlds(case) or not any(case.reference.processes[-1].channel(channel)):
        return None
    return None if apart(case.reference, channel) else apart(case.candidate, channel)


def apart(trace: Trace, channel: str, *, until: int | None = None) -> Parting | None:
    """Where ranks first have different values at the same update and position, ``until`` an update where given."""
    first, *others = trace.processes
    found: list[Parting] = []
    for series in first.channel(channel):
        for process in others:
            other = process.get(*series.key)
            index = None if other is None else _unequal(series, other)
            if other is None or index is None:
                continue
            here, there = index
            update = int(series.updates[here])
            if until is None or update <= until:
                values = series.python(here), other.python(there)
                found.append(
                    Parting(channel=channel, name=series.name, update=update, rank=process.rank, values=values)
                )
    return min(found, key=lambda one: one.update, default=None)


def _unequal(series: Series, other: Series) -> tuple[int, int] | None:
    here, there = positions(series, other)
    unequal = np.flatnonzero(series.values[here] != other.values[there])
    return (int(here[unequal[0]]), int(there[unequal[0]])) if len(unequal) else None


def sums(trace: Trace, channel: str, name: str = "") -> list[int]:
    """The sum of a count over all values, for each rank that has any."""
    found = (process.get(channel, name) for process in trace.processes)
    return [int(series.values.sum()) for series in found if series is not None and len(series)]
