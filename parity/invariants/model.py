"""Invariants and their violations.

A measurement holds one value of each of two runs; what an invariant demands is seldom a value. A violation therefore
holds the place and the value of one run, and says in words what was expected.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from parity.trace.channels import CHANNELS, Channel
from parity.trace.model import Trace, Value

_MOST_LINES: Final = 5


class State(StrEnum):
    """The word that carries the result of one invariant."""

    HOLDS = "holds"
    VIOLATED = "violated"
    NOT_COMPARED = "not-compared"


@dataclass(frozen=True, kw_only=True)
class Violation:
    """The first place in one series of one rank at which an invariant does not hold.

    ``observed`` is the value there and ``expected`` what it should have been, in words; ``more`` is the number of
    further values in the same series that violate it too.
    """

    channel: Channel
    name: str
    rank: int
    update: int
    observed: Value
    expected: str
    more: int = 0


@dataclass(frozen=True)
class Unseen:
    """Why an invariant, or a part of it, cannot be checked in a trace."""

    reason: str


Found = Violation | Unseen
Check = Callable[[Trace], Iterator[Found]]


@dataclass(frozen=True, kw_only=True)
class Invariant:
    """One thing that must hold.

    ``title`` is the law, ``broken`` what is said where it is violated. ``needs`` are the channels without which nothing
    can be said, ``reads`` those that hold something only where there is something to say. A violation by the candidate
    alone ``gates`` unless it rests on the wording of what is printed.
    """

    id: str
    title: str
    broken: str
    needs: tuple[str, ...]
    check: Check
    consequence: str
    advice: str
    reads: tuple[str, ...] = ()
    gates: bool = True


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of one invariant in one run; ``reasons`` say what could not be checked."""

    invariant: Invariant
    violations: tuple[Violation, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        """Violated where anything violates it; what could not be checked does not hold."""
        if self.violations:
            return State.VIOLATED
        return State.NOT_COMPARED if self.reasons else State.HOLDS

    @property
    def evidence(self) -> tuple[str, ...]:
        """One line for each series, all ranks that show it together, the earliest first."""
        ranks: dict[tuple[str, str], list[Violation]] = {}
        for one in sorted(self.violations, key=lambda one: (one.update, one.rank)):
            ranks.setdefault((one.channel.name, one.name), []).append(one)
        lines = [_line(same) for same in ranks.values()]
        rest = len(lines) - _MOST_LINES
        return (*lines[:_MOST_LINES], *((f"and {rest} more",) if rest > 0 else ()))


def violation(
    channel: str, name: str, rank: int, update: int, observed: Value, expected: str, *, more: int = 0
) -> Violation:
    """A violation in the channel of that name."""
    return Violation(
        channel=CHANNELS[channel],
        name=name,
        rank=rank,
        update=update,
        observed=observed,
        expected=expected,
        more=more,
    )


def _line(same: Sequence[Violation]) -> str:
    one = same[0]
    name = f" {one.name!r}" if one.name else ""
    when = f"update {one.update}" if one.update >= 0 else "before the first update"
    ranks = sorted({other.rank for other in same})
    where = f", rank{'s' * (len(ranks) > 1)} {', '.join(map(str, ranks))}" if ranks != [0] else ""
    more = f" ({one.more} more in the same series)" if one.more else ""
    return f"{one.channel.name}{name}, {when}{where}: {one.observed}, expected {one.expected}{more}"
