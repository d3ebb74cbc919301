"""The parts of the steps L0 to L7: attention through three lenses, and an MLP that competes with it.

The scores of a head are a mixture, by a learned softmax, of its own scores s, of their transpose, and of how easily
each position is found: w_0 s_ij + w_1 s_ji + w_2 k_j . u. A learned route divides each block between attention and MLP.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from trainers.gpt2.architecture import Architecture
from trainers.gpt2.heads import is_past, merge_heads, split_heads
from trainers.gpt2.model import INITIAL_DEVIATION, MLP, Block

LENSES = (2.2, 0.6, 0.1)
"""Logits of the three at the beginning; 0.76 for the scores themselves."""
ROUTE = 2.2
"""The logit of attention's part at the beginning, 0.9."""
CONTEXT_SHARE = 0.1
CONDUCTED_BELOW = 0.5
"""The route below which an MLP that is conducted gets its context."""


@dataclass(frozen=True, kw_only=True)
class LensParts:
    """One row."""

    has_transpose: bool = False
    has_discovery: bool = False
    has_mlp: bool = True
    has_route: bool = False
    latent: int | None = None
    """Channels that keys and values come from, each by themselves."""
    context_rank: int | None = None
    """Channels through which the MLP sees what attention has found."""
    is_conducted: bool = False


class LensAttention(nn.Module):
    """Causal self-attention with mixed scores, without biases."""

    def __init__(self, architecture: Architecture, parts: LensParts) -> None:
        """Make projections, lenses and the vectors u."""
        super().__init__()
        width, heads = architecture.n_embd, architecture.n_head
        self.c_query = nn.Linear(width, width, bias=False)
        self.c_key, self.c_value = (_projection(width, parts.latent) for _ in range(2))
        self.c_proj = nn.Linear(width, width, bias=False)
        self.w_lens = nn.Parameter(torch.tensor(LENSES).repeat(heads, 1))
        self.found: nn.Parameter | None = None
        if parts.has_discovery:
            self.found = nn.Parameter(INITIAL_DEVIATION * torch.randn(heads, architecture.head_size))
        self.resid_dropout = nn.Dropout(architecture.dropout)
        self.heads = heads
        self.dropout = architecture.dropout
        self.has_transpose = parts.has_transpose

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, T, C) to (B, T, C)."""
        query, key, value = (
            split_heads(project(x), self.heads) for project in (self.c_query, self.c_key, self.c_value)
        )
        own, transposed, discovered = self.w_lens.softmax(dim=-1).view(1, -1, 1, 3).unbind(dim=-1)
        scores = query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))
        mixed = own.unsqueeze(-1) * scores
        if self.has_transpose:
            mixed = mixed + transposed.unsqueeze(-1) * scores.transpose(-2, -1)
        if self.found is not None:
            columns = torch.einsum("bhtd,hd->bht", key, self.found)
            mixed = mixed + discovered.unsqueeze(-1) * columns.unsqueeze(-2)
        future = ~is_past(x.size(1), device=x.device)
        weights = functional.softmax(mixed.masked_fill(future, float("-inf")), dim=-1)
        found = functional.dropout(weights, p=self.dropout, training=self.training) @ value
        projected: torch.Tensor = self.resid_dropout(self.c_proj(merge_heads(found)))
        return projected


class ContextMLP(MLP):
    """The MLP of GPT-2, whose hidden layer also gets a little of what attention has found."""

    def __init__(self, architecture: Architecture, *, rank: int, is_conducted: bool) -> None:
        """Add a projection through ``rank`` channels; one that is conducted is used where attention counts less."""
        super().__init__(architecture)
        self.context_down = nn.Linear(architecture.n_embd, rank, bias=False)
        self.context_up = nn.Linear(rank, 4 * architecture.n_embd, bias=False)
        self.w_context = nn.Parameter(torch.tensor(CONTEXT_SHARE))
        self.is_conducted = is_conducted

    def forward_with(self, x: torch.Tensor, context: torch.Tensor, route: torch.Tensor) -> torch.Tensor:
        """Map (B, T, C), the finds of attention of that shape, and the route to (B, T, C)."""
        share = self.w_context.clamp(0.0, 1.0)
        if self.is_conducted:
            share = share * (route < CONDUCTED_BELOW)
        hidden = (1.0 - share) * self.gelu(self.c_fc(x)) + share * self.context_up(self.context_down(context))
        y: torch.Tensor = self.dropout(self.c_proj(hidden))
        return y


class LensBlock(nn.Module):
    """A block in which a learned route divides what attention and MLP add."""

    def __init__(self, block: Block, architecture: Architecture, parts: LensParts) -> None:
        """Take over the layer norms of ``block``; its MLP as well, unless that has to see a context."""
        super().__init__()
        self.ln_1 = block.ln_1
        self.attn = LensAttention(architecture, parts)
        self.mlp: nn.Module | None = None
        if parts.has_mlp:
            self.ln_2 = block.ln_2
            self.mlp = block.mlp
        if parts.context_rank is not None:
            self.mlp = ContextMLP(architecture, rank=parts.context_rank, is_conducted=parts.is_conducted)
        self.w_route = nn.Parameter(torch.tensor(ROUTE)) if parts.has_route else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, T, C) to (B, T, C)."""
        found: torch.Tensor = self.attn(self.ln_1(x))
        y = x + found
        if self.mlp is None:
            return y
        route = None if self.w_route is None else self.w_route.sigmoid()
        if isinstance(self.mlp, ContextMLP):
            assert route is not None, "a context without a route"
            # attention learns from its own part of the block only
            added = self.mlp.forward_with(self.ln_2(y), found.detach(), route)
        else:
            added = self.mlp(self.ln_2(y))
        if route is None:
            return y + added
        return x + route * found + (1.0 - route) * added


def _projection(width: int, latent: int | None) -> nn.Module:
    if latent is None:
        return nn.Linear(width, width, bias=False)
    return nn.Sequential(nn.Linear(width, latent, bias=False), nn.Linear(latent, width, bias=False))
