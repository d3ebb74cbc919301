"""Stored traces that end in the middle of a frame: compared up to there, and never taken for runs that ended there."""

from dataclasses import replace

from parity.diagnose.outcome import Outcome
from parity.errors import PARITY, TraceTruncatedError
from parity.report.wording import count
from parity.trace.model import Trace


def intact(reference: Trace, candidate: Trace) -> tuple[Trace, Trace]:
    """Both traces up to where one was cut off, or as they are.

    Raises:
        TraceTruncatedError: that leaves no whole update to compare.
    """
    cut = _cut(reference, candidate)
    if not cut:
        return reference, candidate
    common = in_common(reference, candidate)
    if not _updates(*common):
        raise _truncated(cut, "not one whole update is intact")
    return common


def in_common(reference: Trace, candidate: Trace) -> tuple[Trace, Trace]:
    """Both traces without the updates, and the end of the run, that one of them was stopped before."""
    reached = min(max((one.last_update for one in trace.processes), default=-1) for trace in (reference, candidate))
    return reference.before(reached), candidate.before(reached)


def doubted(outcome: Outcome) -> Outcome:
    """``outcome``, unless what is lost of a trace might have differed: then the error that says so."""
    judgement = outcome.judgement
    if judgement is None or outcome.exit_code != PARITY:
        return outcome
    traces = (judgement.comparison.reference, judgement.comparison.candidate)
    cut = _cut(*traces)
    if not cut:
        return outcome
    equal = f"both sides are equal up to there ({count(_updates(*traces), 'whole update')}), and the rest is lost"
    return replace(outcome, judgement=None, diagnosis=None, error=_truncated(cut, equal))


def _truncated(cut: list[str], state: str) -> TraceTruncatedError:
    message = (
        f"{' and '.join(cut)} ends in the middle of something, although the program came to its end: {state}. "
        "Record the run again."
    )
    return TraceTruncatedError(message)


def _updates(*traces: Trace) -> int:
    """Whole updates that all processes hold."""
    return min((process.last_update + 1 for trace in traces for process in trace.processes), default=0)


def _cut(*traces: Trace) -> list[str]:
    """Files of which bytes are lost though nobody killed the program."""
    return [
        str(trace.directory / process.file)
        for trace in traces
        for process in trace.processes
        if process.lost_bytes and process.sealed is None and trace.exit_status == 0
    ]
