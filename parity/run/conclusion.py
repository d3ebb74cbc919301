"""What two recorded runs lead to: refused where one left nothing to compare, else judged and diagnosed.

Nothing is run here, and nothing imported that runs: what was recorded is judged again in no time.
"""

from collections.abc import Sequence
from typing import Final

from parity.compare.measurement import Comparison
from parity.compare.noise import NoisePass
from parity.compare.tolerance import Tolerance
from parity.diagnose.library import RULES
from parity.diagnose.outcome import Outcome
from parity.diagnose.registry import diagnose
from parity.errors import NothingRecordedError, ReferenceFailedError
from parity.findings.judge import judge
from parity.invariants.lint import lint_both
from parity.record.teardown import aborted_in_teardown, refusal
from parity.trace.model import Trace

_TAIL_LINES: Final = 15


def conclude(
    pair: str,
    scenario: str,
    comparison: Comparison,
    rerun: Comparison | None,
    noise: NoisePass | None = None,
    tolerances: Sequence[Tolerance] = (),
) -> Outcome:
    """Judge and diagnose one comparison."""
    judgement = judge(comparison, rerun=rerun, noise=noise, tolerances=tolerances)
    return Outcome(
        pair=pair,
        scenario=scenario,
        judgement=judgement,
        diagnosis=diagnose(judgement, RULES),
        invariants=lint_both(comparison.reference, comparison.candidate),
    )


def require_reference(trace: Trace) -> None:
    """Refuse a reference that failed or left nothing to compare with.

    Raises:
        ReferenceFailedError: it ended with an error.
        NothingRecordedError: it ran, but trained nothing.
        TeardownAbortError: gloo aborted it after its training.
    """
    if aborted_in_teardown(trace):
        raise refusal(trace)
    if trace.exit_status != 0:
        message = (
            f"the reference ended with status {trace.exit_status} after {_updates(trace)} updates: {trace.command}\n"
            f"{tail(_stderr(trace))}\nwhat it did until then is recorded in {trace.directory}"
        )
        raise ReferenceFailedError(message)
    if not _has_models(trace):
        raise NothingRecordedError(_nothing("reference", trace))


def require_candidate(trace: Trace) -> None:
    """Refuse a candidate that succeeded without anything to compare.

    One that failed is a finding, not an error, and so is one that ran to its end and never trained a model.

    Raises:
        NothingRecordedError: it never imported torch, or its models could not be seen.
        TeardownAbortError: gloo aborted it after its training.
    """
    if aborted_in_teardown(trace):
        raise refusal(trace)
    never_trained = bool(trace.processes) and _updates(trace) == 0
    if trace.exit_status == 0 and not _has_models(trace) and not never_trained:
        raise NothingRecordedError(_nothing("candidate", trace))


def _nothing(side: str, trace: Trace) -> str:
    failures = trace.manifest.get("recorder_failures")
    if failures:
        return f"the recorder could not start in the {side} ({trace.command}):\n{failures[0]}"
    why = "it called no model" if trace.processes else "it never imported torch"
    return f"nothing was recorded of the {side}: {why} ({trace.command}). Expected a command that trains with PyTorch."


def _has_models(trace: Trace) -> bool:
    return any(any(process.channel("parameter_initial")) for process in trace.processes)


def _updates(trace: Trace) -> int:
    return max((process.updates for process in trace.processes), default=0)


def tail(text: str) -> str:
    """The last lines of what a program printed, as they are quoted."""
    return "\n".join(f"  | {line}" for line in text.splitlines()[-_TAIL_LINES:])


def _stderr(trace: Trace) -> str:
    path = trace.directory / "stderr.txt"
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
