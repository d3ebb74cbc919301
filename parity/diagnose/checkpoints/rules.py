"""All rules about checkpoints, the more specific ones first."""

from typing import Final

from parity.compare.checkpoint_model import CheckpointComparison
from parity.diagnose.checkpoints.case import CheckpointCause, DeclaredCheckpointRule
from parity.diagnose.checkpoints.forms import cast, permuted, prefix, swapped, transposed, untied
from parity.diagnose.checkpoints.states import adapters_merged, moments_missing, regrouped, stale_average, step_shifted
from parity.errors import ParityError

RULES: Final[tuple[DeclaredCheckpointRule, ...]] = (
    adapters_merged,
    transposed,
    permuted,
    cast,
    swapped,
    moments_missing,
    regrouped,
    step_shifted,
    stale_average,
    untied,
    prefix,
)


def checkpoint_causes(comparison: CheckpointComparison) -> tuple[CheckpointCause, ...]:
    """Every cause that a rule recognises, unit by unit. What a rule cannot read, it does not explain."""
    found: list[CheckpointCause] = []
    for unit in comparison.units:
        for rule in RULES:
            try:
                found += rule(unit)
            except ParityError:
                continue
    return tuple(found)
