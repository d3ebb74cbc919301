"""What a report is about: one pair, what came of its scenarios, and what the sources of both sides offer."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from parity.compare.measurement import Comparison
from parity.compare.surface import SurfaceDifference, compare_surfaces
from parity.diagnose.outcome import Outcome
from parity.report.facts import program
from parity.surface.model import Surface


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A scenario that the policy has for a pair."""

    name: str
    tier: str


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One pair.

    ``reference`` and ``candidate`` are read from the very files that the runs have loaded; where that was not possible
    they are None and ``unread`` says why. ``planned`` is empty where no policy knows the pair.
    """

    pair: str
    outcomes: tuple[Outcome, ...]
    reference: Surface | None = None
    candidate: Surface | None = None
    unread: str = "the sources were not read"
    planned: tuple[Planned, ...] = ()

    @cached_property
    def differences(self) -> tuple[SurfaceDifference, ...]:
        """How the sources differ; empty where one was not read, which ``unread`` tells from equal ones."""
        if self.reference is None or self.candidate is None:
            return ()
        return tuple(compare_surfaces(self.reference, self.candidate))

    @cached_property
    def comparisons(self) -> tuple[tuple[str, Comparison], ...]:
        """The scenarios that led to a comparison, with it."""
        return tuple((one.scenario, one.judgement.comparison) for one in self.outcomes if one.judgement is not None)

    @property
    def programs(self) -> tuple[str, str]:
        """Names of both programs; the pair's name on both sides where nothing was compared."""
        if not self.comparisons:
            return f"{self.pair} (reference)", f"{self.pair} (candidate)"
        _, comparison = self.comparisons[0]
        return program(comparison.reference), program(comparison.candidate)


def all_outcomes(subjects: Sequence[Subject]) -> list[Outcome]:
    """The outcomes of all subjects, in order."""
    return [outcome for subject in subjects for outcome in subject.outcomes]
