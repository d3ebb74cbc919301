"""What both programs leave behind in their runs: the lines they print and the files they write."""

from collections.abc import Sequence
from dataclasses import dataclass

from parity.report.subject import Subject
from parity.trace.model import Trace


@dataclass(frozen=True, kw_only=True)
class Trait:
    """A printed line or a written file: how often each side shows it over all scenarios."""

    name: str
    reference: int
    candidate: int

    @property
    def word(self) -> str:
        """Identical where both show it equally often."""
        if not self.candidate:
            return "missing"
        if not self.reference:
            return "added"
        return "identical" if self.reference == self.candidate else "in both, not equally often"


def traits(subject: Subject, channel: str) -> tuple[Trait, ...]:
    """Every name in ``channel``, in the order of the reference and then of the candidate."""
    ours = _counted([comparison.reference for _, comparison in subject.comparisons], channel)
    theirs = _counted([comparison.candidate for _, comparison in subject.comparisons], channel)
    names = dict.fromkeys([*ours, *theirs])
    return tuple(Trait(name=name, reference=ours.get(name, 0), candidate=theirs.get(name, 0)) for name in names)


def _counted(traces: Sequence[Trace], channel: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for trace in traces:
        for process in trace.processes:
            for series in process.channel(channel):
                found[series.name] = found.get(series.name, 0) + len(series)
    return found
