"""One loss for both heads."""

from __future__ import annotations

import torch
from torch import nn


class LossMixer(nn.Module):
    """A weighted mean of the decoder's loss and the linear head's; the parts are also there by themselves."""

    def __init__(self, *, seq2seq: nn.Module, linear: nn.Module, seq2seq_weight: float) -> None:
        """Weigh ``seq2seq`` with ``seq2seq_weight``, 0 to 1, and ``linear`` with the rest."""
        super().__init__()
        self.seq2seq = seq2seq
        self.linear = linear
        self.seq2seq_weight = seq2seq_weight

    def forward(
        self,
        seq2seq_logits: torch.Tensor,
        linear_logits: torch.Tensor,
        seq2seq_targets: torch.Tensor,
        linear_targets: torch.Tensor,
    ) -> torch.Tensor:
        """Return the mixed loss, 0-dimensional."""
        weight = self.seq2seq_weight
        seq2seq: torch.Tensor = self.seq2seq(seq2seq_logits, seq2seq_targets)
        linear: torch.Tensor = self.linear(linear_logits, linear_targets)
        return weight * seq2seq + (1 - weight) * linear
