"""How evidence is worded: both sides, the moment, and numbers with enough digits to differ."""

from collections.abc import Sequence
from typing import Final

from parity.compare.measurement import Measurement
from parity.trace.channels import Phase
from parity.trace.model import Value

_LISTED: Final = 8


def moment(update: int) -> str:
    """When something was observed, in words."""
    return f"update {update}" if update >= 0 else "before the first update"


def word(value: Value | None) -> str:
    """``value`` so that two different values look different."""
    return "nothing" if value is None else str(value)


def both(what: str, reference: Value | None, candidate: Value | None) -> str:
    """A line with the values of both sides."""
    return f"{what}: {word(reference)} in the reference, {word(candidate)} in the candidate"


def line(measurement: Measurement) -> str:
    """The first difference of one series, as a line."""
    name = f" {measurement.name!r}" if measurement.name else ""
    rank = f", rank {measurement.rank}" if measurement.rank else ""
    when = "at the end" if measurement.phase is Phase.EXIT else moment(measurement.update)
    what = f"{measurement.channel.name}{name}, {when}{rank}"
    return both(what, measurement.reference, measurement.candidate)


def lines(*measurements: Measurement) -> tuple[str, ...]:
    """One line for each series, of the first rank that shows it."""
    found: dict[tuple[str, str], str] = {}
    for measurement in measurements:
        found.setdefault((measurement.channel.name, measurement.name), line(measurement))
    return tuple(found.values())


def listing(names: Sequence[str]) -> str:
    """The first few of ``names``, and how many more there are."""
    rest = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {rest} more" if rest > 0 else "")


def plural(count: int, noun: str) -> str:
    """``count`` and ``noun``, with an s where it belongs."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
