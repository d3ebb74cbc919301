"""Two runs compared in a test: recorded blocks, traces, or the directories that hold them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from parity.compare.engine import compare
from parity.compare.tolerance import Tolerance
from parity.diagnose.outcome import Outcome
from parity.record.block import Run
from parity.report.terminal import in_words
from parity.run.conclusion import conclude
from parity.trace.model import Trace
from parity.trace.store import read_trace

Recorded: TypeAlias = Run | Trace | Path | str


def compare_runs(
    reference: Recorded,
    candidate: Recorded,
    *,
    pair: str = "compare",
    scenario: str = "runs",
    tolerances: Sequence[Tolerance] = (),
) -> Outcome:
    """Compare what was recorded, judge and diagnose it; nothing is run and nothing asserted. No waiver is asked.

    Raises:
        CannotCompareError: one of them is no trace that can be read.
    """
    return conclude(pair, scenario, compare(_trace(reference), _trace(candidate)), None, tolerances=tolerances)


def assert_parity(reference: Recorded, candidate: Recorded) -> None:
    """Fail with the first divergence and its probable cause, unless both runs trained the same way.

    Raises:
        AssertionError: they did not, or there is nothing to tell it by.
        CannotCompareError: one of them is no trace that can be read.
    """
    __tracebackhide__ = True  # pytest shows the line of the test
    outcome = compare_runs(reference, candidate)
    if outcome.exit_code != 0:
        raise AssertionError(in_words(outcome))


def _trace(recorded: Recorded) -> Trace:
    if isinstance(recorded, Trace):
        return recorded
    return recorded.trace if isinstance(recorded, Run) else read_trace(Path(recorded))
