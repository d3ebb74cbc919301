"""The panels of the charts that both programs drew: what each shows, how often, and whether its points are the same."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from parity.findings.model import Judgement
from parity.report.subject import Subject
from parity.trace.model import Trace

_PANELS: Final = "chart"
_POINTS: Final = "chart_series"
_SEPARATOR: Final = "::"


@dataclass
class Drawing:
    """A panel by its description, filled while scenarios are read.

    ``reference`` and ``candidate`` are the numbers of pictures that have it, ``equal`` is the number of lines,
    collections and tables in them that are the same, ``apart`` and ``left_out`` of those that are not and that were
    not compared.
    """

    text: str
    reference: int = 0
    candidate: int = 0
    equal: int = 0
    apart: int = 0
    left_out: int = 0

    @property
    def word(self) -> str:
        """Identical only where all that is drawn was compared."""
        if not (self.reference and self.candidate):
            return "missing" if self.reference else "added"
        if self.apart or self.reference != self.candidate:
            return "different"
        if not self.equal:
            return "not compared"
        return "identical where compared" if self.left_out else "identical"


@dataclass
class _Drawings:
    by_text: dict[str, Drawing] = field(default_factory=dict)

    def __getitem__(self, text: str) -> Drawing:
        return self.by_text.setdefault(text, Drawing(text))


def drawings(subject: Subject) -> tuple[Drawing, ...]:
    """Every panel, in the order of the reference and then of the candidate."""
    found = _Drawings()
    for outcome in subject.outcomes:
        if outcome.judgement is not None:
            _read(outcome.judgement, found)
    return tuple(found.by_text.values())


def _read(judgement: Judgement, found: _Drawings) -> None:
    ours, theirs = judgement.comparison.reference, judgement.comparison.candidate
    panels: dict[str, str] = {}
    for name, text, times in _panels(ours):
        panels[name] = text
        found[text].reference += times
    for _, text, times in _panels(theirs):
        found[text].candidate += times
    apart = {name for one in judgement.findings if one.channel.name == _POINTS for name in one.names}
    left_out = {one.name for one in judgement.not_compared if one.channel == _POINTS}
    for process in ours.processes:
        for series in process.channel(_POINTS):
            picture, _, drawn = series.name.rpartition(_SEPARATOR)
            name = f"{picture}{_SEPARATOR}{drawn.partition(' ')[0]}"
            if name not in panels:
                continue
            panel = found[panels[name]]
            if series.name in apart:
                panel.apart += len(series)
            elif series.name in left_out:
                panel.left_out += len(series)
            else:
                panel.equal += len(series)


def _panels(trace: Trace) -> Iterator[tuple[str, str, int]]:
    """Name, description and number of the panels of every picture; a picture as a whole is named without a panel."""
    for process in trace.processes:
        for series in process.channel(_PANELS):
            if _SEPARATOR in series.name and len(series):
                yield series.name, str(series.python(-1)), len(series)
