"""What is held against the laws of world sizes: every demand is counted, and where it is not met, measured."""

from collections import Counter
from collections.abc import Iterator

from parity.compare.measurement import Coverage, Difference, Measurement, sizes
from parity.trace.channels import CHANNELS
from parity.trace.model import Trace, Value


class Books:
    """How much was held against the laws."""

    def __init__(self) -> None:
        self._checked: Counter[str] = Counter()
        self._broken: Counter[str] = Counter()

    def hold(
        self, channel: str, name: str, rank: int, update: int, demanded: Value | None, found: Value | None
    ) -> Iterator[Measurement]:
        """Measure where ``found`` is not what is ``demanded``; nothing may be there where that is None."""
        self._checked[channel] += 1
        if demanded == found:
            return
        self._broken[channel] += 1
        declared = CHANNELS[channel]
        absolute, relative, ulp = (None, None, None)
        if demanded is not None and found is not None:
            absolute, relative, ulp = sizes(declared.kind, demanded, found)
        yield Measurement(
            channel=declared,
            name=name,
            candidate_name=name,
            rank=rank,
            difference=Difference.EXTRA if demanded is None else Difference.VALUE,
            update=update,
            ordinal=0,
            reference=demanded,
            candidate=found,
            absolute=absolute,
            relative=relative,
            ulp=ulp,
        )

    def coverage(self) -> dict[str, Coverage]:
        """How much of each channel was held against a law, and how much of it keeps it."""
        return {
            name: Coverage(series=1, values=self._checked[name], equal=self._checked[name] - self._broken[name])
            for name in CHANNELS
            if name in self._checked
        }


def total(trace: Trace, channel: str) -> list[int]:
    """Sum over all ranks of a count, for each update; ranks that did not exist have done what rank 0 did."""
    recorded = [series for process in trace.processes if (series := process.get(channel)) is not None]
    if not recorded:
        return []
    factor = believed(trace) // len(trace.processes)
    by_update: Counter[int] = Counter()
    for series in recorded:
        for update, value in zip(series.updates.tolist(), series.values.tolist(), strict=True):
            by_update[update] += int(value) * factor
    return [by_update[update] for update in range(max(by_update) + 1)]


def believed(trace: Trace) -> int:
    """Number of ranks that the program believed in."""
    return max((int(process.header.get("world", 1)) for process in trace.processes), default=1)


def complete(trace: Trace) -> bool:
    """Whether every rank that the program believed in was there."""
    return believed(trace) == len(trace.processes)
