"""The scenario of kind interrupt: both programs get the same signal at the same place of their training."""

from pathlib import Path

from parity.compare.engine import compare
from parity.diagnose.outcome import Outcome
from parity.errors import NothingRecordedError
from parity.record.interruption import NOTE
from parity.record.processes import Launcher, start_fresh
from parity.run.conclusion import conclude, require_candidate
from parity.run.plan import Progress, Scenario, Side
from parity.run.session import look_closer, run_side, weigh
from parity.trace.model import Trace


def run_interrupt(
    scenario: Scenario, base: Path, progress: Progress, launcher: Launcher = start_fresh
) -> list[Outcome]:
    """Interrupt both sides and compare what they do then. A reference that ends with an error is a standard here."""
    told = scenario.part("", None, None, interrupt=scenario.interrupt)
    reference = run_side(told, Side.REFERENCE, base, progress, launcher)
    require_interrupted(reference)
    candidate = run_side(told, Side.CANDIDATE, base, progress, launcher)
    require_candidate(candidate)
    progress(scenario, "comparing", None)
    comparison = compare(reference, candidate)
    weighed = weigh(told, comparison, base, progress, launcher)
    outcome = conclude(scenario.pair, scenario.name, comparison, *weighed, scenario.tolerances)
    return [look_closer(outcome, told, base, progress, launcher)]


def require_interrupted(trace: Trace) -> None:
    """Refuse a reference that never came to the place of the signal.

    Raises:
        NothingRecordedError: it was not interrupted.
    """
    if not was_interrupted(trace):
        made = max((process.updates for process in trace.processes), default=0)
        message = (
            f"the reference was never interrupted: it made {made} updates ({trace.command}). "
            "Choose an earlier update, or a rank that exists, for interrupt."
        )
        raise NothingRecordedError(message)


def was_interrupted(trace: Trace) -> bool:
    """Whether any rank was sent a signal."""
    return any(NOTE in note for process in trace.processes for note in process.notes)
