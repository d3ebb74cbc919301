"""Which parameters decay: matrices and embeddings do, biases and the gains of layer norms do not."""

from __future__ import annotations

from typing import Any

from torch import nn


def decay_groups(model: nn.Module, *, weight_decay: float) -> list[dict[str, Any]]:
    """Make two groups, parameters of two and more dimensions and then the others, each in the order of the model.

    Frozen parameters are in neither; a parameter that two layers share is there once.
    """
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [parameter for parameter in trainable if parameter.dim() >= 2], "weight_decay": weight_decay},
        {"params": [parameter for parameter in trainable if parameter.dim() < 2], "weight_decay": 0.0},
    ]
