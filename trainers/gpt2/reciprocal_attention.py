"""Unified reciprocal attention: attention in both directions at the cost of one.

Of the D channels of a head, D - R hold queries and keys as usual, and R hold keys where queries belong and queries
where keys belong. One fused attention then scores position i against j by

    (w_std * q_i . k_j + w_rec * k'_i . q'_j) / sqrt(D)

where q', k' are the R low channels and the gates w_std, w_rec are learned.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import nn
from torch.nn import functional

from trainers.gpt2.architecture import Architecture
from trainers.gpt2.lazy import LazilyDrawn

STANDARD_GATE = 0.9
RECIPROCAL_GATE = 0.1
SMALLEST_GATE = 1e-8
"""What a gate counts at least, so that the gradient of its square root is finite; a closed one is not quite closed."""
RESTART_SHARE = 0.05
LARGEST_RESTART_SHARE = 0.5


class UnifiedRAttention(LazilyDrawn):
    """Causal self-attention with a reciprocal part."""

    def __init__(
        self, architecture: Architecture, *, rank: int, per_head_gates: bool = False, self_restart: bool = False
    ) -> None:
        """Make projections and gates.

        Args:
            architecture: the network that this is part of.
            rank: R, the channels per head that are used the other way round.
            per_head_gates: one pair of gates per head instead of one per layer.
            self_restart: mix a share alpha of each position's own value into what it attends to.
        """
        super().__init__()
        assert 0 < rank < architecture.head_size, f"rank {rank} of a head of {architecture.head_size}"
        width = architecture.n_embd
        # query and key (each standard channels first, then low ones) and value, side by side
        self.c_attn = nn.Linear(width, 3 * width, bias=False)
        self.c_proj = nn.Linear(width, width, bias=architecture.bias)
        self.resid_dropout = nn.Dropout(architecture.dropout)
        gates = (architecture.n_head,) if per_head_gates else ()
        self.w_std = nn.Parameter(torch.full(gates, STANDARD_GATE))
        self.w_rec = nn.Parameter(torch.full(gates, RECIPROCAL_GATE))
        self.alpha: nn.Parameter | None = None
        if self_restart:
            self.alpha = nn.Parameter(torch.full((architecture.n_head,), RESTART_SHARE))
        self.heads = architecture.n_head
        self.head_size = architecture.head_size
        self.rank = rank
        self.dropout = architecture.dropout

    def matrices(self) -> Iterator[torch.Tensor]:
        """Give both projections."""
        yield self.c_attn.weight
        yield self.c_proj.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, T, C) to (B, T, C)."""
        self.draw_once()
        batch, length, width = x.size()
        query, key, value = (
            part.view(batch, length, self.heads, self.head_size).transpose(1, 2)
            for part in self.c_attn(x).split(width, dim=2)
        )
        standard, low = self._factor(self.w_std), self._factor(self.w_rec)
        mixed = functional.scaled_dot_product_attention(
            self._scale(query, standard, low),
            self._scale(key, standard, low),
            value,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=True,
            scale=1.0 / math.sqrt(self.head_size),
        )
        if self.alpha is not None:
            share = self.alpha.clamp(0.0, LARGEST_RESTART_SHARE).view(1, -1, 1, 1)
            mixed = (1.0 - share) * mixed + share * value
        side_by_side = mixed.transpose(1, 2).contiguous().view(batch, length, width)
        projected: torch.Tensor = self.resid_dropout(self.c_proj(side_by_side))
        return projected

    def _factor(self, gate: torch.Tensor) -> torch.Tensor:
        """Return what query and key are both multiplied by, hence the root; shape (1, H or 1, 1, 1)."""
        return gate.clamp(min=SMALLEST_GATE).sqrt().view(1, -1, 1, 1)

    def _scale(self, heads: torch.Tensor, standard: torch.Tensor, low: torch.Tensor) -> torch.Tensor:
        cut = self.head_size - self.rank
        return torch.cat((heads[..., :cut] * standard, heads[..., cut:] * low), dim=-1)
