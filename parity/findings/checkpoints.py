"""Judging two checkpoints: every measured difference counts, and what was not compared is never identical."""

from parity.compare.checkpoint_model import CheckpointComparison
from parity.errors import CANNOT_COMPARE, PARITY, VIOLATED
from parity.findings.model import Verdict


def checkpoint_verdict(comparison: CheckpointComparison) -> Verdict:
    """Different where anything differs; not compared where anything could not be, or where nothing was."""
    if comparison.differences:
        return Verdict.DIFFERENT
    return Verdict.NOT_COMPARED if comparison.not_compared or not comparison.compared else Verdict.IDENTICAL


def checkpoint_exit_code(comparison: CheckpointComparison) -> int:
    """The exit code that says the same."""
    codes = {Verdict.IDENTICAL: PARITY, Verdict.DIFFERENT: VIOLATED}
    return codes.get(checkpoint_verdict(comparison), CANNOT_COMPARE)
