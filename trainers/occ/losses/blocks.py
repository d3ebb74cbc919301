"""Targets and logits as blocks, and which of the blocks are in use."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from trainers.common.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """The layout of one target: ``count`` blocks of ``size`` tokens, padded with the token ``pad``."""

    count: int
    size: int
    pad: int

    def split(self, logits: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Cut logits into (B, K, V, S) and targets into (B, K, S); the last step, which would say EOS, is dropped.

        Raises:
            ValueError: the shapes are not those of this layout.
        """
        length = self.count * self.size
        if logits.size(1) != length + 1 or targets.size(1) != length + 2 or len(logits) != len(targets):
            raise ValueError(
                f"logits {tuple(logits.shape)} and targets {tuple(targets.shape)} are not {self.count} blocks of"
                f" {self.size} tokens: expected ({len(targets)}, {length + 1}, V) and ({len(targets)}, {length + 2})"
            )
        shape = (len(targets), self.count, self.size)
        # a softmax in half precision would not be worth its name
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        blocks = logits[:, :-1].reshape(*shape, logits.size(2)).transpose(2, 3).contiguous()
        return blocks, targets[:, 1:-1].reshape(shape)

    def are_unused(self, targets: torch.Tensor) -> torch.Tensor:
        """Tell for targets (B, K, S) which blocks (B, K) lie behind the last code.

        The first padding token decides. A row whose first block holds one counts as full, like one without padding.
        """
        # the position is 0 as well where there is no padding at all
        first_padding = (targets.flatten(1) == self.pad).int().argmax(dim=1)
        used = first_padding.div(self.size, rounding_mode="floor")
        used = torch.where(used == 0, self.count, used)
        return torch.arange(self.count, device=targets.device) >= used[:, None]

    def count_targets(self, targets: torch.Tensor) -> int:
        """Count the leading blocks of targets (B, K, S) that hold something in at least one row.

        Raises:
            DataError: there is none, so that the loss would be 0 / 0.
        """
        holds_something = (targets != self.pad).any(dim=2).any(dim=0)
        leading = int(holds_something.int().cumprod(dim=0).sum())
        if leading == 0:
            raise DataError(
                f"none of the {len(targets)} rows of a batch has a code in its first block; remove rows without codes,"
                " or use a larger batch"
            )
        return leading
