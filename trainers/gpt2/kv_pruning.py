"""Attention that drops the values of positions which have received little attention so far.

How much a position of the context matters is averaged over earlier calls, so that what a position sees never depends on
what comes after it in the same sequence.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from trainers.gpt2.kv_geometry import KVGeometry
from trainers.gpt2.model import CausalSelfAttention

AVERAGING = 0.9
CALLS_BETWEEN_AVERAGES = 8


class KVPruningAttention(nn.Module):
    """Causal self-attention that, per head, mixes the values of the most important positions only."""

    importance: torch.Tensor
    calls: torch.Tensor

    def __init__(
        self, attention: CausalSelfAttention, *, block_size: int, keep: int, recent: int, latent: int | None = None
    ) -> None:
        """Take over the projections of ``attention``.

        Args:
            attention: what this replaces.
            block_size: the largest number of positions.
            keep: positions that are kept per head, but at least the ``recent`` ones.
            recent: positions at the end of the sequence that are always kept.
            latent: channels per head that the values are cut to; None leaves them all.
        """
        super().__init__()
        self.geometry = None if latent is None else KVGeometry(attention.head_size, latent=latent)
        self.c_attn = attention.c_attn
        self.c_proj = attention.c_proj
        self.resid_dropout = attention.resid_dropout
        self.heads = attention.heads
        self.head_size = attention.head_size
        self.dropout = attention.dropout
        self.keep = max(recent, keep)
        self.recent = recent
        # averaged over the calls, evaluations included; all zero before the first one
        self.register_buffer("importance", torch.zeros(self.heads, block_size))
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, T, C) to (B, T, C); what remains after pruning is not scaled up."""
        batch, length, width = x.size()
        query, key, value = (
            part.view(batch, length, self.heads, self.head_size).transpose(1, 2)
            for part in self.c_attn(x).split(width, dim=2)
        )
        scores = query @ key.transpose(-2, -1) / math.sqrt(self.head_size)
        future = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
        weights = functional.softmax(scores.masked_fill(future, float("-inf")), dim=-1)
        kept = self._kept(length)
        self._observe(weights.detach())
        if kept is not None:
            weights = weights * kept
        if self.geometry is not None:
            value = self.geometry(value)
        mixed = functional.dropout(weights, p=self.dropout, training=self.training) @ value
        side_by_side = mixed.transpose(1, 2).contiguous().view(batch, length, width)
        projected: torch.Tensor = self.resid_dropout(self.c_proj(side_by_side))
        return projected

    def _kept(self, length: int) -> torch.Tensor | None:
        """Return 1 for the positions that stay and 0 for the others, (H, 1, T); None where all stay."""
        if self.calls == 0 or self.keep >= length:
            return None
        importance = self.importance[:, :length].clone()
        importance[:, length - self.recent :] = 1.0
        chosen = importance.topk(self.keep, dim=-1).indices
        return torch.zeros_like(importance).scatter(-1, chosen, 1.0).unsqueeze(1)

    @torch.no_grad()
    def _observe(self, weights: torch.Tensor) -> None:
        """Average the attention that each position received, per position that could have paid it, every few calls."""
        if self.calls % CALLS_BETWEEN_AVERAGES == 0:
            length = weights.size(-1)
            exposure = torch.arange(length, 0, -1, device=weights.device)
            received = weights.mean(dim=0).sum(dim=-2) / exposure
            share = AVERAGING if self.calls > 0 else 0.0
            self.importance[:, :length].mul_(share).add_(received, alpha=1.0 - share)
        self.calls += 1
