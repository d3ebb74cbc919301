"""Masks over the weights of linear layers, chosen by scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import nn

Masks = dict[str, torch.Tensor]
"""Boolean tensors by the name of the layer, True where a weight stays."""


def linear_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """List the weights of all linear layers by the name of the layer.

    The output layer of a language model is one of them, and with it the embedding that shares its weights.
    """
    return {name: module.weight for name, module in model.named_modules() if isinstance(module, nn.Linear)}


def keep_everything(weights: Mapping[str, torch.Tensor]) -> Masks:
    """Make masks that remove nothing."""
    return {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in weights.items()}


def smallest_scores_threshold(scores: Iterable[torch.Tensor], sparsity: float) -> torch.Tensor | None:
    """Return the k-th smallest score, where k is ``sparsity`` times their number, rounded down; None for k = 0."""
    flat = torch.cat([score.flatten() for score in scores])
    count = int(sparsity * flat.numel())
    return torch.kthvalue(flat, count).values if count > 0 else None


def masks_above(scores: Mapping[str, torch.Tensor], threshold: torch.Tensor | None) -> Masks:
    """Keep the weights whose scores exceed the threshold, or all where there is none."""
    if threshold is None:
        return keep_everything(scores)
    return {name: score > threshold for name, score in scores.items()}


@torch.no_grad()
def apply_masks(weights: Mapping[str, torch.Tensor], masks: Masks) -> None:
    """Set the removed weights to zero, of either sign."""
    for name, weight in weights.items():
        weight.mul_(masks[name])


def sparsity_of(masks: Masks) -> float:
    """Return the share of removed weights."""
    total = sum(mask.numel() for mask in masks.values())
    kept = int(torch.stack([mask.sum() for mask in masks.values()]).sum().item()) if masks else 0
    return 1.0 - kept / total if total else 0.0


def restore_masks(masks: Masks, saved: Mapping[str, torch.Tensor]) -> None:
    """Overwrite ``masks`` in place; both have to name the same layers."""
    assert masks.keys() == saved.keys(), "masks of another model"
    for name, mask in masks.items():
        mask.copy_(saved[name])
