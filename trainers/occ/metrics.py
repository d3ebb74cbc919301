"""How good predictions are, and means over batches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch


@dataclass
class Mean:
    """A mean weighted by batch size."""

    total: float = 0.0
    count: int = 0

    def add(self, value: float, count: int = 1) -> None:
        """Take in the mean ``value`` of ``count`` rows."""
        self.total += value * count
        self.count += count

    @property
    def value(self) -> float:
        """The mean so far, NaN before the first value."""
        return self.total / self.count if self.count else math.nan


def order_invariant_accuracy(
    predicted: torch.Tensor, wanted: torch.Tensor, *, blocks: int, block_size: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Percent of rows whose codes are all predicted, in any order, and percent of tokens.

    Tokens are (B, T), without the begin of a target; each target block counts with its best predicted block, and
    padding is a token like any other.
    """
    length = blocks * block_size
    candidates = predicted[:, :length].reshape(-1, 1, blocks, block_size)
    targets = wanted[:, :length].reshape(-1, blocks, 1, block_size)
    best = (candidates == targets).float().mean(dim=3).max(dim=2).values
    return 100 * (best == 1.0).all(dim=1).float().mean(), 100 * best.mean()


def flat_accuracy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Fraction, 0 to 1, of rows (B, C) where every class is predicted rightly."""
    return ((torch.sigmoid(logits) > 0.5) == targets.bool()).all(dim=1).float().mean()
