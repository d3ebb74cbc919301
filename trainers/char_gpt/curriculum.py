"""Which tokens have been served, which ought to be, and how much a batch would help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

TINY = 1e-9
"""Keeps frequencies finite before anything is served, and for tokens that never are."""


class Curriculum:
    """Served-token counts and the target distribution; all distributions are float64 of shape (vocabulary size,)."""

    def __init__(self, vocabulary_size: int) -> None:
        """Aim at a uniform distribution; nothing has been served."""
        self._uniform = torch.full((vocabulary_size,), 1.0 / vocabulary_size, dtype=torch.float64)
        self._target = self._uniform
        self.alpha = 1.0
        """The share of the uniform distribution in the target."""
        self.served_counts = torch.zeros(vocabulary_size, dtype=torch.float64)
        self.total_served = 0

    @property
    def vocabulary_size(self) -> int:
        """How many tokens there are."""
        return len(self._uniform)

    def count(self, inputs: torch.Tensor) -> None:
        """Note that ``inputs`` have been served."""
        ids, counts = torch.unique(inputs, return_counts=True)
        self.served_counts[ids] += counts
        self.total_served += inputs.numel()

    def aim(self, alpha: float, *, corpus: torch.Tensor) -> None:
        """Aim at a mixture: 1.0 means all tokens alike, 0.0 the distribution of the ``corpus``."""
        self.alpha = alpha
        self._target = (1 - alpha) * corpus + alpha * self._uniform

    def state_dict(self, *, unused: torch.Tensor) -> dict[str, Any]:
        """Return what has been served but for ``unused``, which was, and nobody has looked at it yet."""
        ids, counts = torch.unique(unused, return_counts=True)
        served_counts = self.served_counts.clone()
        served_counts[ids] -= counts
        return {
            "alpha": self.alpha,
            "served_counts": served_counts,
            "total_tokens_served": self.total_served - unused.numel(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Count on from ``state``; the target stays as it is."""
        self.served_counts = state["served_counts"].clone()
        self.total_served = state["total_tokens_served"]

    def demand(self) -> torch.Tensor:
        """Return, per token, how many times too rarely it has been served."""
        served = self.served_counts / (self.total_served + TINY)
        return self._target / (served + TINY)

    def frequent_tokens(self, ignored_share: float) -> torch.Tensor:
        """Return the ids of the tokens served most, as few as make up all but ``ignored_share`` of what was served.

        All tokens before anything was served. The most frequent one comes first.
        """
        if self.total_served == 0:
            return torch.arange(self.vocabulary_size)
        shares, ids = torch.sort(self.served_counts / self.total_served, descending=True, stable=True)
        wanted = torch.tensor(1.0 - ignored_share, dtype=torch.float64)
        last = int(torch.searchsorted(shares.cumsum(0), wanted, right=True).item())
        return ids[: min(last, self.vocabulary_size - 1) + 1]


def score(inputs: torch.Tensor, demand: torch.Tensor) -> float:
    """Rate a batch by the demand for its tokens, each as often as it is there."""
    ids, counts = torch.unique(inputs, return_counts=True)
    return float((counts * demand[ids]).sum().item())
