"""Reading what a report is about: stored traces judged again, and the sources that they name."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from parity.compare.tolerance import Tolerance
from parity.diagnose.outcome import Outcome
from parity.errors import SurfaceUnreadableError
from parity.policy import Policy
from parity.report.facts import source_sizes
from parity.report.subject import Planned, Subject
from parity.run.results import judge_stored
from parity.surface.model import Surface
from parity.surface.reading import read_surface_of
from parity.trace.model import Trace


def read_subject(
    base: Path, tolerances: Sequence[Tolerance] = (), *, sources: Path, policy: Policy | None = None
) -> Subject:
    """The pair in ``base``, its sources read under ``sources``, the directory that it was run in.

    Raises:
        TraceMissingError: nothing is recorded in ``base``.
    """
    pair = base.resolve().name
    planned = _planned(policy, pair)
    order = {one.name: at for at, one in enumerate(planned)}
    outcomes = tuple(sorted(judge_stored(base, tolerances), key=lambda one: order.get(one.scenario, len(order))))
    try:
        sides = _surfaces(outcomes, sources)
    except SurfaceUnreadableError as error:
        return Subject(pair=pair, outcomes=outcomes, unread=str(error), planned=planned)
    return Subject(pair=pair, outcomes=outcomes, reference=sides[0], candidate=sides[1], unread="", planned=planned)


def _surfaces(outcomes: Sequence[Outcome], root: Path) -> tuple[Surface, Surface]:
    compared = [one.judgement.comparison for one in outcomes if one.judgement is not None]
    reference = _loaded([one.reference for one in compared])
    candidate = _loaded([one.candidate for one in compared])
    return _surface(reference, root), _surface(candidate, root)


def _loaded(traces: Sequence[Trace]) -> dict[str, int]:
    """Lines of every file that any of the runs was made of."""
    return {name: lines for trace in traces for name, (lines, *_) in source_sizes(trace).items()}


def _surface(loaded: Mapping[str, int], root: Path) -> Surface:
    """Raises SurfaceUnreadableError where a file is not the one that ran: what it says now would prove nothing."""
    surface = read_surface_of(root, tuple(loaded))
    if surface.unread:
        raise SurfaceUnreadableError("; ".join(f"{name}: {reason}" for name, reason in surface.unread))
    # A run elsewhere has recorded whole paths, of which sources show what lies under the root.
    lines = {(root / name).resolve(): number for name, number in loaded.items()}
    ran = {one.file: lines[(root / one.file).resolve()] for one in surface.files}
    changed = [one for one in surface.files if one.lines != ran[one.file]]
    if changed:
        parts = ", ".join(f"{one.file} had {ran[one.file]} lines and has {one.lines}" for one in changed)
        message = f"sources have changed since they ran: {parts}; run the pair again"
        raise SurfaceUnreadableError(message)
    return surface


def _planned(policy: Policy | None, pair: str) -> tuple[Planned, ...]:
    if policy is None:
        return ()
    return tuple(
        Planned(name=one.name, tier=one.tier)
        for known in policy.pairs
        if known.name == pair
        for scenario in known.scenarios
        for one in scenario.each()
    )
