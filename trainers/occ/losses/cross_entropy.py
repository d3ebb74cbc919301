"""The loss that cares for the order of the codes."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from trainers.common.errors import DataError


class Seq2SeqCrossEntropy(nn.Module):
    """Mean cross-entropy per token in nats, EOS included, padding left out."""

    def __init__(self, *, pad: int) -> None:
        """Leave out the token ``pad``."""
        super().__init__()
        self.pad = pad

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Hold logits (B, T, V) against targets (B, T + 1), whose first token is given.

        Raises:
            DataError: there is nothing but padding.
        """
        wanted = targets[:, 1:]
        if bool((wanted == self.pad).all()):
            raise DataError("all targets of a batch are padding, expected at least one code; remove rows without codes")
        return functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=self.pad)
