"""AdamW, set up for language models."""

from __future__ import annotations

import torch
from torch import nn

from trainers.common.optimizers.decay_groups import decay_groups

EPSILON = 1e-8


def build_adamw(
    model: nn.Module,
    *,
    learning_rate: float,
    betas: tuple[float, float],
    weight_decay: float,
    device_type: str,
) -> torch.optim.AdamW:
    """AdamW over two decay groups; the fused kernel is used exactly on the GPU."""
    groups = decay_groups(model, weight_decay=weight_decay)
    return torch.optim.AdamW(groups, lr=learning_rate, betas=betas, eps=EPSILON, fused=device_type == "cuda")


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Give all parameter groups the same learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
