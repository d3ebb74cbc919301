"""What attention that looks at its own scores is made of: heads, and who may look where."""

from __future__ import annotations

import torch


def split_heads(x: torch.Tensor, heads: int) -> torch.Tensor:
    """Turn (B, T, C) into (B, H, T, C / H)."""
    batch, length, width = x.size()
    return x.view(batch, length, heads, width // heads).transpose(1, 2)


def merge_heads(x: torch.Tensor) -> torch.Tensor:
    """Turn (B, H, T, D) into (B, T, H D)."""
    batch, heads, length, size = x.size()
    return x.transpose(1, 2).contiguous().view(batch, length, heads * size)


def is_past(length: int, *, window: int | None = None, device: torch.device) -> torch.Tensor:
    """Return a boolean (T, T), true where position i may look at position j: not later, nor ``window`` before it."""
    seen = torch.ones(length, length, dtype=torch.bool, device=device).tril()
    return seen if window is None else seen.triu(-window)
