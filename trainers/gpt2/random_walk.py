"""The part of the steps R1 to R3: attention nearby, and beyond that along a random walk with restart.

The walk goes from a position to earlier ones, with the probabilities P of their similarity, and returns with
probability a: its visits are R = a (I + (1 - a) P + (1 - a)^2 P^2 + ...), cut off after a few steps, and R v is
added to what attention within a window has found.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from trainers.gpt2.heads import is_past, merge_heads, split_heads
from trainers.gpt2.model import CausalSelfAttention

RESTART = 0.2
STEPS = 4
WALK_SHARE = 0.3
SMALLEST_SUM = 1e-8


@dataclass(frozen=True, kw_only=True)
class WalkParts:
    """One row."""

    neighbours: int
    """Positions that a walk can go to from each, the most similar ones."""
    window: int
    """Positions back that plain attention sees."""
    is_reversible: bool = False
    """Two positions are as similar one way as the other."""
    forward_share: float = 1.0
    """The share of this walk; the rest is one by what keys are to queries."""


class WalkAttention(nn.Module):
    """Causal self-attention within a window, and a walk that is as causal."""

    def __init__(self, attention: CausalSelfAttention, parts: WalkParts) -> None:
        """Take over the projections of ``attention``; the walk has no parameters of its own."""
        super().__init__()
        self.c_attn = attention.c_attn
        self.c_proj = attention.c_proj
        self.resid_dropout = attention.resid_dropout
        self.heads = attention.heads
        self.dropout = attention.dropout
        self.parts = parts

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, T, C) to (B, T, C)."""
        query, key, value = (split_heads(part, self.heads) for part in self.c_attn(x).split(x.size(2), dim=2))
        scores = query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))
        hidden = ~is_past(x.size(1), window=self.parts.window, device=x.device)
        weights = functional.softmax(scores.masked_fill(hidden, float("-inf")), dim=-1)
        near = functional.dropout(weights, p=self.dropout, training=self.training) @ value
        found = near + WALK_SHARE * (self._visits(query, key) @ value)
        projected: torch.Tensor = self.resid_dropout(self.c_proj(merge_heads(found)))
        return projected

    def _visits(self, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        """Return how much of its walk each position spends at each, (B, H, T, T)."""
        similar = functional.normalize(query, dim=-1) @ functional.normalize(key, dim=-1).transpose(-2, -1)
        backward = similar.transpose(-2, -1)
        visits = self._walk(0.5 * (similar + backward) if self.parts.is_reversible else similar)
        share = self.parts.forward_share
        return visits if share == 1.0 else share * visits + (1.0 - share) * self._walk(backward)

    def _walk(self, similar: torch.Tensor) -> torch.Tensor:
        past = is_past(similar.size(-1), device=similar.device)
        edges = similar.clamp(min=0.0) * past
        places = edges.topk(min(self.parts.neighbours, edges.size(-1)), dim=-1).indices
        edges = edges * torch.zeros_like(edges).scatter(-1, places, 1.0)
        moves = edges / edges.sum(dim=-1, keepdim=True).clamp(min=SMALLEST_SUM)
        reached = torch.eye(edges.size(-1), device=edges.device, dtype=edges.dtype)
        visits = RESTART * reached
        for step in range(1, STEPS + 1):
            reached = reached @ moves
            visits = visits + RESTART * (1.0 - RESTART) ** step * reached
        return visits
