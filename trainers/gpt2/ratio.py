"""The parts of the steps 0 to 18, which shift weight between attention and MLP: the "RATIO" steps.

Attention may keep keys and values in a narrow latent (MLA), add its own transposed scores within a band, and let a
statistic of each row of weights gate that row. The MLP may mix in what the most attended positions have in its hidden
layer, and gate the heads of the next block. All of it looks at the past only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from trainers.gpt2.architecture import Architecture
from trainers.gpt2.heads import is_past, merge_heads, split_heads
from trainers.gpt2.model import Block

BAND = 64
"""Positions back within which scores count both ways."""
BAND_SHARE = 0.3
KEPT_WEIGHTS = 8
"""Weights per row that its statistic, and the MLP that looks across positions, take in."""
ROW_SHARE = 0.2
HEAD_SHARE = 0.1
CROSS_SHARE = 0.3
OPEN_GATE = 2.0
"""The bias of a gate at the beginning: its sigmoid is 0.88."""
GATE_WIDTH = 64
SMALLEST_WEIGHT = 1e-12


@dataclass(frozen=True, kw_only=True)
class RatioParts:
    """One row; what is not mentioned is as in GPT-2."""

    expansion: float = 4.0
    """Hidden channels of the MLP per channel."""
    latent: int | None = None
    """Channels that keys and values come from."""
    has_band: bool = False
    row_gate: str | None = None
    """``topk`` or ``entropy``: the statistic of a row of weights."""
    gates_weights: bool = False
    """The row's gate acts, in part, on its weights, instead of on what they mix."""
    gates_heads: bool = False
    crosses_tokens: bool = False


class RatioAttention(nn.Module):
    """Causal self-attention that also returns its weights."""

    def __init__(self, architecture: Architecture, parts: RatioParts) -> None:
        """Make the projections, and a learned share of each part that there is."""
        super().__init__()
        width = architecture.n_embd
        self.c_attn: nn.Linear | None = None
        if parts.latent is None:
            self.c_attn = nn.Linear(width, 3 * width, bias=architecture.bias)
        else:
            self.c_query = nn.Linear(width, width, bias=architecture.bias)
            self.c_down = nn.Linear(width, parts.latent, bias=False)
            self.c_up = nn.Linear(parts.latent, 2 * width, bias=False)
        self.c_proj = nn.Linear(width, width, bias=architecture.bias)
        self.resid_dropout = nn.Dropout(architecture.dropout)
        self.w_band = nn.Parameter(torch.tensor(BAND_SHARE)) if parts.has_band else None
        if parts.row_gate is not None:
            self.w_row = nn.Parameter(torch.ones(architecture.n_head))
            self.w_row_bias = nn.Parameter(torch.full((architecture.n_head,), OPEN_GATE))
        self.w_head = nn.Parameter(torch.tensor(HEAD_SHARE)) if parts.gates_heads else None
        self.heads = architecture.n_head
        self.dropout = architecture.dropout
        self.parts = parts

    def forward(self, x: torch.Tensor, gate: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Map (B, T, C) to (B, T, C) and the weights, (B, H, T, T); ``gate``, (B, H, T), is the previous block's."""
        query, key, value = (split_heads(part, self.heads) for part in self._project(x))
        scores = query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))
        if self.w_band is not None:
            near = is_past(x.size(1), window=BAND, device=x.device)
            scores = scores + self.w_band * scores.transpose(-2, -1).masked_fill(~near, 0.0)
        future = ~is_past(x.size(1), device=x.device)
        weights = functional.softmax(scores.masked_fill(future, float("-inf")), dim=-1)
        if self.w_head is not None and gate is not None:
            weights = (1.0 - self.w_head) * weights + self.w_head * (weights * gate.unsqueeze(-1))
        row_gate = self._row_gate(weights)
        if row_gate is not None and self.parts.gates_weights:
            weights = (1.0 - ROW_SHARE) * weights + ROW_SHARE * (weights * row_gate)
        mixed = functional.dropout(weights, p=self.dropout, training=self.training) @ value
        if row_gate is not None and not self.parts.gates_weights:
            mixed = mixed * row_gate
        return self.resid_dropout(self.c_proj(merge_heads(mixed))), weights

    def _project(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        width = x.size(2)
        if self.c_attn is None:
            return (self.c_query(x), *self.c_up(self.c_down(x)).split(width, dim=2))
        parts: tuple[torch.Tensor, ...] = self.c_attn(x).split(width, dim=2)
        return parts

    def _row_gate(self, weights: torch.Tensor) -> torch.Tensor | None:
        """Return how far each row is open, (B, H, T, 1)."""
        if self.parts.row_gate is None:
            return None
        if self.parts.row_gate == "topk":
            statistic = weights.topk(min(KEPT_WEIGHTS, weights.size(-1)), dim=-1).values.sum(dim=-1)
        else:
            sure = weights.clamp(min=SMALLEST_WEIGHT)
            statistic = -(sure * sure.log()).sum(dim=-1)
        opened = torch.sigmoid(statistic * self.w_row.view(1, -1, 1) + self.w_row_bias.view(1, -1, 1))
        return opened.unsqueeze(-1)


class RatioMLP(nn.Module):
    """The MLP of GPT-2, of any width, with a view of other positions and a say in the next block's attention."""

    def __init__(self, architecture: Architecture, parts: RatioParts) -> None:
        """Make the layers."""
        super().__init__()
        width, hidden = architecture.n_embd, int(parts.expansion * architecture.n_embd)
        self.c_fc = nn.Linear(width, hidden, bias=architecture.bias)
        self.cross: nn.Linear | None = None
        if parts.crosses_tokens:
            self.cross = nn.Linear(hidden, hidden, bias=False)
            self.w_cross = nn.Parameter(torch.tensor(CROSS_SHARE))
        self.gate_down: nn.Linear | None = None
        if parts.gates_heads:
            self.gate_down = nn.Linear(hidden, GATE_WIDTH)
            self.gate_up = nn.Linear(GATE_WIDTH, architecture.n_head)
            nn.init.constant_(self.gate_up.bias, OPEN_GATE)
        self.c_proj = nn.Linear(hidden, width, bias=architecture.bias)
        self.dropout = nn.Dropout(architecture.dropout)

    def forward(self, x: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Map (B, T, C) to (B, T, C) and the gate of the next block's heads, (B, H, T), where there is one."""
        hidden = functional.gelu(self.c_fc(x))
        if self.cross is not None:
            hidden = hidden + self.w_cross * self.cross(_strongest(weights) @ hidden)
        gate = None
        if self.gate_down is not None:
            # the mean over the positions so far, as one over all of them would show the future
            count = torch.arange(1, x.size(1) + 1, device=x.device).view(1, -1, 1)
            seen = self.gate_down(hidden).cumsum(dim=1) / count
            gate = torch.sigmoid(self.gate_up(seen)).transpose(1, 2)
        return self.dropout(self.c_proj(hidden)), gate


@torch.no_grad()
def _strongest(weights: torch.Tensor) -> torch.Tensor:
    """Average over the heads, keep the largest weights of each row and let them sum to one: (B, T, T)."""
    mean = weights.mean(dim=1)
    values, places = mean.topk(min(KEPT_WEIGHTS, mean.size(-1)), dim=-1)
    kept = torch.zeros_like(mean).scatter(-1, places, values)
    return kept / kept.sum(dim=-1, keepdim=True)


class RatioBlock(nn.Module):
    """A block that takes a gate from the one before it and gives one to the next."""

    def __init__(self, block: Block, architecture: Architecture, parts: RatioParts) -> None:
        """Take over the layer norms of ``block``, and make attention and MLP anew."""
        super().__init__()
        self.ln_1, self.ln_2 = block.ln_1, block.ln_2
        self.attn = RatioAttention(architecture, parts)
        self.mlp = RatioMLP(architecture, parts)

    def forward(self, x: torch.Tensor, gate: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Map (B, T, C) and the gate of the block before, (B, H, T), to the same for the next."""
        mixed, weights = self.attn(self.ln_1(x), gate)
        x = x + mixed
        added, gate = self.mlp(self.ln_2(x), weights)
        return x + added, gate


class RatioBlocks(nn.Module):
    """All blocks of a network as one module, since each hands its gate to the next."""

    def __init__(self, blocks: Iterable[Block], architecture: Architecture, parts: RatioParts) -> None:
        """Make blocks that take the place of ``blocks``."""
        super().__init__()
        self.blocks = nn.ModuleList([RatioBlock(block, architecture, parts) for block in blocks])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, T, C) to (B, T, C)."""
        gate: torch.Tensor | None = None
        for block in self.blocks:
            x, gate = block(x, gate)
        return x
