"""What a rule about one side's resumed run may look at."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from parity.compare.measurement import Measurement
from parity.compare.resume import Start, saved_keys
from parity.diagnose.case import Case
from parity.diagnose.continuation.model import Parts
from parity.diagnose.library import evidence
from parity.diagnose.registry import Cause
from parity.trace.model import Process, Series, Value


@dataclass(frozen=True)
class ContinuationCase:
    """``case`` compares the straight run from the start on, its reference, with the resumed one in its place."""

    case: Case
    parts: Parts
    start: Start

    @property
    def straight(self) -> Process | None:
        """The whole straight run, of its lowest rank."""
        return next(iter(self.parts.straight.processes), None)

    @property
    def resumed(self) -> Process | None:
        """The resumed run as it counts its updates itself, of its lowest rank."""
        return next(iter(self.parts.resumed.processes), None)

    def both(self, channel: str, name: str = "") -> tuple[Series, Series] | None:
        """The whole straight series and the resumed one, each counted from its own first update."""
        if self.straight is None or self.resumed is None:
            return None
        ours, theirs = self.straight.get(channel, name), self.resumed.get(channel, name)
        return (ours, theirs) if ours is not None and theirs is not None else None

    @cached_property
    def saved(self) -> str:
        """What the checkpoint holds, in words."""
        found = saved_keys(self.parts.first)
        held = ", ".join(f"{part} ({len(keys)})" for part, keys in sorted(found.items()))
        return f"the checkpoint holds keys of: {held}" if held else "no checkpoint was seen being written"

    def lacks(self, part: str) -> str:
        """The sentence that says that a part of the state is not in the checkpoint, or that it is."""
        held = saved_keys(self.parts.first).get(part, [])
        return self.saved if not held else f"the checkpoint holds {held[0]}, so that it is read and not used"


def both(what: str, straight: Value | None, resumed: Value | None) -> str:
    """A line with the values of both runs of one side."""
    return f"{what}: {evidence.word(straight)} in the straight run, {evidence.word(resumed)} in the resumed run"


def line(measurement: Measurement) -> str:
    """The first difference of one series between both runs of one side."""
    name = f" {measurement.name!r}" if measurement.name else ""
    what = f"{measurement.channel.name}{name}, {evidence.moment(measurement.update)}"
    return both(what, measurement.reference, measurement.candidate)


ContinuationRule = Callable[[ContinuationCase], Cause | None]
