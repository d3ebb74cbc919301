"""Targets and logits as blocks, and which of the blocks are in use."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from trainers.common.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """The layout of one target: ``count`` blocks of ``size`` tokens, padded with the token ``pad``."""

    count: int
    size: int
    pad: int

    def split(self, logits: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits (B, K * S + 1, V) in single precision at least, and targets cut into (B, K, S).

        Raises:
            ValueError: the shapes are not those of this layout.
        """
        length = self.count * self.size
        if logits.size(1) != length + 1 or targets.size(1) != length + 2 or len(logits) != len(targets):
            raise ValueError(
                f"logits {tuple(logits.shape)} and targets {tuple(targets.shape)} are not {self.count} blocks of"
                f" {self.size} tokens: expected ({len(targets)}, {length + 1}, V) and ({len(targets)}, {length + 2})"
            )
        # a softmax in half precision would not be worth its name
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        return logits, targets[:, 1:-1].reshape(len(targets), self.count, self.size)

    def log_probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """Return (B * K, V, S) for logits (B, K * S + 1, V); the last step, which would say EOS, is dropped."""
        blocks = logits[:, :-1].reshape(len(logits), self.count, self.size, logits.size(2)).transpose(2, 3)
        return functional.log_softmax(blocks.flatten(0, 1), dim=1)

    def are_unused(self, targets: torch.Tensor) -> torch.Tensor:
        """Tell for targets (B, K, S) which blocks (B, K) lie behind the last code.

        The first padding token decides. A row whose first block holds one counts as full, like one without padding.
        """
        has_padding = (targets == self.pad).any(dim=2)
        return has_padding.cumsum(dim=1).bool() & ~has_padding[:, :1]

    def hold_codes(self, targets: torch.Tensor) -> torch.Tensor:
        """Tell for targets (B, K, S) which blocks (B, n) hold something, of the first n that do so in at least one row.

        Raises:
            DataError: there is none, so that the loss would be 0 / 0.
        """
        holds_code = (targets != self.pad).any(dim=2)
        leading = [*holds_code.any(dim=0).tolist(), False].index(False)
        if leading == 0:
            raise DataError(
                f"none of the {len(targets)} rows of a batch has a code in its first block; remove rows without codes,"
                " or use a larger batch"
            )
        return holds_code[:, :leading]
