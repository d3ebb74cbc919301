"""The reciprocal MLP: a part of the hidden channels goes a way of its own, behind a gate."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn import functional

from trainers.gpt2.architecture import Architecture
from trainers.gpt2.lazy import LazilyDrawn

STANDARD_GATE = 0.9
RECIPROCAL_GATE = 0.1
LOW_GATE = 0.1
EXPANSION = 4


class ReciprocalMLP(LazilyDrawn):
    """h = [w_std * GELU(U_std x) | w_rec * gate * M GELU(U_low x)], then down; M and the gate are optional."""

    def __init__(
        self, architecture: Architecture, *, low_size: int, has_mixer: bool = False, has_gate: bool = False
    ) -> None:
        """Split the usual ``EXPANSION`` times the width: ``low_size`` channels on the low side, the rest on the other.

        ``has_mixer`` adds the square matrix M, ``has_gate`` the learned factor.
        """
        super().__init__()
        width, hidden = architecture.n_embd, EXPANSION * architecture.n_embd
        assert 0 < low_size < hidden, f"{low_size} of {hidden} hidden channels"
        self.up_std = nn.Linear(width, hidden - low_size, bias=False)
        self.up_low = nn.Linear(width, low_size, bias=False)
        self.mixer = nn.Linear(low_size, low_size, bias=False) if has_mixer else None
        self.down = nn.Linear(hidden, width, bias=False)
        self.dropout = nn.Dropout(architecture.dropout)
        self.w_std = nn.Parameter(torch.tensor(STANDARD_GATE))
        self.w_rec = nn.Parameter(torch.tensor(RECIPROCAL_GATE))
        self.gate_alpha = nn.Parameter(torch.tensor(LOW_GATE)) if has_gate else None

    def matrices(self) -> Iterator[torch.Tensor]:
        """Give all projections."""
        for layer in (self.up_std, self.up_low, self.mixer, self.down):
            if layer is not None:
                yield layer.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, T, C) to (B, T, C)."""
        self.draw_once()
        standard = self.w_std * functional.gelu(self.up_std(x))
        low = functional.gelu(self.up_low(x))
        if self.mixer is not None:
            low = self.mixer(low)
        if self.gate_alpha is not None:
            low = self.gate_alpha * low
        y: torch.Tensor = self.dropout(self.down(torch.cat((standard, self.w_rec * low), dim=-1)))
        return y
