"""What both programs really trained with, read off their traces: one row for each thing that defines a training."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from parity.compare.measurement import Comparison
from parity.report.document import Strong, Table, Text
from parity.report.wording import count, quoted, windows
from parity.trace.model import Trace

_UNSEEN: Final = "not observed"
_HEADER: Final[tuple[Text, ...]] = (("Parameter",), ("Reference",), ("Candidate",), ("Verdict",))


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One quantity on both sides, in full: two that differ anywhere are different."""

    title: str
    reference: str
    candidate: str

    @property
    def sides(self) -> tuple[Text, Text]:
        """Both values as they are shown, long ones cut around the place where they differ."""
        reference, candidate = windows(self.reference, self.candidate)
        return quoted(reference), quoted(candidate)

    @property
    def word(self) -> str:
        """What the two values say about parity."""
        if self.reference == self.candidate == _UNSEEN:
            return _UNSEEN
        return "identical" if self.reference == self.candidate else "different"


def parameters(comparison: Comparison) -> tuple[Parameter, ...]:
    """All quantities that at least one side shows."""
    rows = (
        Parameter(title=title, reference=tell(comparison.reference), candidate=tell(comparison.candidate))
        for title, tell in _TOLD
    )
    return tuple(row for row in rows if row.word != _UNSEEN)


def table(comparison: Comparison) -> Table:
    """The quantities as a table."""
    rows = [((one.title,), *one.sides, (_shown(one.word),)) for one in parameters(comparison)]
    return Table(_HEADER, tuple(rows))


def _shown(word: str) -> str | Strong:
    return word if word == "identical" else Strong((word,))


def _values(trace: Trace, channel: str) -> Iterator[str]:
    """All values on the lowest rank that has any, each once, in order."""
    for process in trace.processes:
        found = dict.fromkeys(
            str(series.python(at)) for series in process.channel(channel) for at in range(len(series))
        )
        if found:
            yield from found
            return


def _distinct(channel: str) -> Callable[[Trace], str]:
    def tell(trace: Trace) -> str:
        return "; ".join(_values(trace, channel)) or _UNSEEN

    return tell


def _named(channel: str) -> Callable[[Trace], str]:
    """Each name with its values."""

    def tell(trace: Trace) -> str:
        for process in trace.processes:
            parts = [
                f"{series.name or 'only'}: {', '.join(dict.fromkeys(str(one) for one in series.values))}"
                for series in process.channel(channel)
            ]
            if parts:
                return "; ".join(parts)
        return _UNSEEN

    return tell


def _rates(trace: Trace) -> list[float]:
    """The learning rate of the first parameter group at every update."""
    for process in trace.processes:
        for series in process.channel("lr"):
            return [float(one) for one in series.values]
    return []


def _rate(pick: Callable[[list[float]], str]) -> Callable[[Trace], str]:
    def tell(trace: Trace) -> str:
        rates = _rates(trace)
        return pick(rates) if rates else _UNSEEN

    return tell


def _warm_up(rates: list[float]) -> str:
    rising = rates.index(max(rates))
    return "none, the first update has the highest rate" if not rising else f"{count(rising, 'update')} up to the peak"


def _number(channel: str, noun: str) -> Callable[[Trace], str]:
    def tell(trace: Trace) -> str:
        names = [series.name for process in trace.processes[:1] for series in process.channel(channel)]
        return count(len(names), noun) if names else _UNSEEN

    return tell


def _updates(trace: Trace) -> str:
    return str(max((process.updates for process in trace.processes), default=0))


_TOLD: Final[tuple[tuple[str, Callable[[Trace], str]], ...]] = (
    ("Optimizer", _distinct("optimizer_type")),
    ("Optimizer settings", _distinct("optimizer_group")),
    ("Learning rate of the first group, highest", _rate(lambda rates: repr(max(rates)))),
    ("Learning rate of the first group, first", _rate(lambda rates: repr(rates[0]))),
    ("Learning rate of the first group, last", _rate(lambda rates: repr(rates[-1]))),
    ("Warm-up", _rate(_warm_up)),
    ("Gradient clipping limit", _distinct("clip_limit")),
    ("Micro-steps per update", _distinct("micro_steps")),
    ("Data per update", _distinct("tokens")),
    ("Batch shapes", _named("batch_shape")),
    ("Precision of the loss", _distinct("loss_dtype")),
    ("Loss scale", _distinct("loss_scale")),
    ("Parameters", _number("parameter_kind", "parameter tensor")),
    ("Updates", _updates),
    ("World size", lambda trace: str(trace.world)),
    ("Seeds given to generators", _named("seeding")),
)
