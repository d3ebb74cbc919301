"""Checking one run against all invariants, and both sides of a comparison beside each other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from parity.errors import CANNOT_COMPARE, PARITY, VIOLATED
from parity.invariants.model import Invariant, Result, State, Unseen, Violation
from parity.invariants.reading import gaps, silence
from parity.invariants.registry import INVARIANTS
from parity.trace.model import Trace


def lint(trace: Trace) -> tuple[Result, ...]:
    """The result of every invariant in one run."""
    return tuple(_result(trace, invariant) for invariant in INVARIANTS)


def _result(trace: Trace, invariant: Invariant) -> Result:
    reason = silence(trace, invariant.needs)
    if reason:
        return Result(invariant=invariant, reasons=(reason,))
    found = list(invariant.check(trace))
    reasons = [one.reason for one in found if isinstance(one, Unseen)]
    return Result(
        invariant=invariant,
        violations=tuple(one for one in found if isinstance(one, Violation)),
        reasons=tuple(dict.fromkeys([*reasons, *gaps(trace, (*invariant.needs, *invariant.reads))])),
    )


def lint_exit_code(results: Iterable[Result]) -> int:
    """1 where anything is violated, 3 where nothing could be checked, else 0."""
    states = {result.state for result in results}
    if State.VIOLATED in states:
        return VIOLATED
    return PARITY if State.HOLDS in states else CANNOT_COMPARE


@dataclass(frozen=True, kw_only=True)
class Betrayal:
    """An invariant that at least one side violates; ``decided`` is what was ruled on whether that counts."""

    reference: Result
    candidate: Result
    decided: bool | None = None

    @property
    def sides(self) -> str:
        """Which side violates it: ``reference``, ``candidate`` or ``both``."""
        if self.candidate.state is not State.VIOLATED:
            return "reference"
        return "both" if self.reference.state is State.VIOLATED else "candidate"

    @property
    def gates(self) -> bool:
        """Whether it makes the comparison fail: the candidate violates what is known to hold for the reference."""
        if self.decided is not None:
            return self.decided
        invariant = self.candidate.invariant
        return invariant.gates and self.sides == "candidate" and self.reference.state is State.HOLDS


@dataclass(frozen=True, kw_only=True)
class BothSides:
    """All results of both sides, in the same order; ``decided`` says what was ruled, by invariant."""

    reference: tuple[Result, ...]
    candidate: tuple[Result, ...]
    decided: Mapping[str, bool] = field(default_factory=dict)

    @property
    def betrayals(self) -> tuple[Betrayal, ...]:
        """What at least one side violates."""
        pairs = zip(self.reference, self.candidate, strict=True)
        return tuple(
            Betrayal(reference=ours, candidate=theirs, decided=self.decided.get(theirs.invariant.id))
            for ours, theirs in pairs
            if State.VIOLATED in (ours.state, theirs.state)
        )

    @property
    def gates(self) -> bool:
        """Whether any of them makes the comparison fail."""
        return any(one.gates for one in self.betrayals)


def lint_both(reference: Trace, candidate: Trace) -> BothSides:
    """Check both sides of a comparison."""
    return BothSides(reference=lint(reference), candidate=lint(candidate))
