"""Causal self-attention, with rotary embeddings where they are wanted."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from trainers.char_gpt.architecture import Architecture
from trainers.char_gpt.lora import with_rank


class RotaryTable(nn.Module):
    """Rotations by position times frequency; channel i of a head is paired with channel i + head size / 2."""

    cos: torch.Tensor
    sin: torch.Tensor

    def __init__(self, *, head_size: int, base: int, max_positions: int) -> None:
        """Tabulate ``max_positions`` rows of ``head_size`` / 2 angles."""
        super().__init__()
        frequency = base ** (-torch.arange(0, head_size, 2, dtype=torch.float32) / head_size)
        angle = torch.outer(torch.arange(max_positions, dtype=torch.float32), frequency)
        # computed from the architecture, hence not part of the state dict
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def forward(self, heads: torch.Tensor) -> torch.Tensor:
        """Rotate queries or keys of shape (B, H, T, head size), position t by t times each frequency."""
        positions = heads.size(2)
        cos, sin = self.cos[:positions].to(heads.dtype), self.sin[:positions].to(heads.dtype)
        first, second = heads.chunk(2, dim=-1)
        return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class CausalSelfAttention(nn.Module):
    """Each position attends to itself and the ones before it."""

    def __init__(self, architecture: Architecture) -> None:
        """Make the two projections; ``c_attn`` yields query, key and value side by side."""
        super().__init__()
        width = architecture.n_embd
        self.c_attn = with_rank(
            nn.Linear(width, 3 * width, bias=architecture.bias),
            rank=architecture.attn_lora_rank,
            alpha=architecture.lora_alpha,
        )
        self.c_proj = nn.Linear(width, width, bias=architecture.bias)
        self.resid_dropout = nn.Dropout(architecture.dropout)
        self.heads = architecture.n_head
        self.head_size = architecture.head_size
        self.dropout = architecture.dropout
        self.rotary: RotaryTable | None = None
        if architecture.use_rotary_embeddings:
            self.rotary = RotaryTable(
                head_size=architecture.head_size,
                base=architecture.rotary_base,
                max_positions=architecture.rotary_max_position_embeddings,
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, T, C) to (B, T, C)."""
        query, key, value = self.project(x)
        dropout = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=True)
        side_by_side = mixed.transpose(1, 2).contiguous().view(x.size())
        projected: torch.Tensor = self.resid_dropout(self.c_proj(side_by_side))
        return projected

    def project(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return query, key and value of a (B, T, C), each (B, H, T, head size); positions are in them already."""
        batch, length, width = x.size()
        query, key, value = (
            part.view(batch, length, self.heads, self.head_size).transpose(1, 2)
            for part in self.c_attn(x).split(width, dim=2)
        )
        if self.rotary is not None:
            query, key = self.rotary(query), self.rotary(key)
        return query, key, value

    def probabilities(self, x: torch.Tensor) -> torch.Tensor:
        """Return how much each position attends to each other, (B, H, T, T); training never holds that as a whole."""
        query, key, _ = self.project(x)
        scores = query @ key.transpose(-2, -1) / self.head_size**0.5
        future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=x.device).triu(1)
        found: torch.Tensor = scores.masked_fill(future, float("-inf")).softmax(dim=-1)
        return found
