"""Losses that do not care for the order of the codes: each target block is held against its best candidate."""

from __future__ import annotations

import torch
from torch import nn

from trainers.occ.losses.blocks import Blocks
from trainers.occ.losses.choice import order_invariant_losses


class BlockOrderInvariantLoss(nn.Module):
    """Each target block against the best block in use, and every unused block against padding."""

    def __init__(
        self,
        *,
        pad: int,
        blocks: int,
        block_size: int,
        push_to_pad_weight: float = 1.0,
        push_to_pad_smoothing: float = 0.0,
    ) -> None:
        """Expect ``blocks`` blocks of ``block_size`` tokens; smoothing applies to the push towards padding only."""
        super().__init__()
        self.blocks = Blocks(count=blocks, size=block_size, pad=pad)
        self.push_to_pad_weight = push_to_pad_weight
        self.push_to_pad_smoothing = push_to_pad_smoothing

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss in nats, 0-dimensional.

        Two target blocks may choose the same candidate.

        Raises:
            DataError: no row has a code.
        """
        logits, targets = self.blocks.split(logits, targets)
        is_unused = self.blocks.are_unused(targets)
        best, push_to_pad = order_invariant_losses(
            self.blocks,
            logits,
            targets,
            is_excluded=is_unused,
            is_pushed=is_unused,
            smoothing=self.push_to_pad_smoothing,
        )
        return best + self.push_to_pad_weight * push_to_pad


class OrderInvariantSeq2SeqCrossEntropy(nn.Module):
    """The older loss: all blocks are candidates, and all are pushed towards padding a little."""

    def __init__(self, *, pad: int, blocks: int, block_size: int, push_to_pad_weight: float = 0.05) -> None:
        """Expect ``blocks`` blocks of ``block_size`` tokens."""
        super().__init__()
        self.blocks = Blocks(count=blocks, size=block_size, pad=pad)
        self.push_to_pad_weight = push_to_pad_weight

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss in nats, 0-dimensional.

        Raises:
            DataError: no row has a code.
        """
        logits, targets = self.blocks.split(logits, targets)
        nothing = torch.zeros(targets.shape[:2], dtype=torch.bool, device=targets.device)
        best, push_to_pad = order_invariant_losses(
            self.blocks, logits, targets, is_excluded=nothing, is_pushed=~nothing
        )
        return best + self.push_to_pad_weight * push_to_pad
