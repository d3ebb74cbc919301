"""How far a run has come: what is counted on after a resume."""

from __future__ import annotations

from dataclasses import dataclass

import torch

WORST_LOSS = 1e9
"""The best validation loss of a run that has not been evaluated yet."""


@dataclass(kw_only=True)
class Progress:
    """The iteration to do next, and what has been reached before it."""

    iteration: int = 0
    best_validation_loss: torch.Tensor | float = WORST_LOSS
    iteration_of_last_operation: int = 0
    learning_rate_offset: int = 0
    """The iteration at which the schedule of the learning rate began."""

    @property
    def effective_iteration(self) -> int:
        """Where the schedule of the learning rate stands."""
        return self.iteration - self.learning_rate_offset
