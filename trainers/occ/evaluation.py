"""Losses and accuracies over all rows of a loader."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import nn
from torch.utils.data import DataLoader

from trainers.occ.dataset import Item
from trainers.occ.losses import LossMixer
from trainers.occ.metrics import Mean, flat_accuracy, order_invariant_accuracy

NAMES = ("val_loss", "val_loss_linear", "val_loss_seq2seq", "seq_acc", "token_acc", "flat_acc")


@torch.no_grad()
def evaluate_mixer(
    model: nn.Module,
    loader: DataLoader[Item],
    *,
    loss: LossMixer,
    blocks: int,
    block_size: int,
    device: torch.device,
    autocast: Callable[[], AbstractContextManager[None]],
) -> dict[str, float]:
    """Return means over rows under ``NAMES``; sequences and tokens are percent, flat accuracy is a fraction.

    The model is left in evaluation mode.
    """
    model.eval()
    means = {name: Mean() for name in NAMES}
    for item in loader:
        batch = to_device(item, device)
        targets, labels = batch["targets_seq2seq"], batch["targets_linear"]
        with autocast():
            logits, linear = model(batch["input_ids"], batch["attention_mask"], targets[:, :-1])
            losses = (loss(logits, linear, targets, labels), loss.linear(linear, labels), loss.seq2seq(logits, targets))
        accuracies = order_invariant_accuracy(
            logits.argmax(dim=-1), targets[:, 1:], blocks=blocks, block_size=block_size
        )
        for name, value in zip(NAMES, (*losses, *accuracies, flat_accuracy(linear, labels)), strict=True):
            means[name].add(value.item(), len(labels))
    return {name: mean.value for name, mean in means.items()}


@torch.no_grad()
def evaluate_classifier(
    model: nn.Module, loader: DataLoader[Item], *, loss: nn.Module, device: torch.device
) -> tuple[float, float]:
    """Return the mean loss and the flat accuracy, a fraction; the model is left in evaluation mode."""
    model.eval()
    losses, accuracies = Mean(), Mean()
    for item in loader:
        batch = to_device(item, device)
        logits, labels = model(batch["input_ids"], batch["attention_mask"]), batch["targets_linear"]
        losses.add(loss(logits, labels).item(), len(labels))
        accuracies.add(flat_accuracy(logits, labels).item(), len(labels))
    return losses.value, accuracies.value


def to_device(item: Item, device: torch.device) -> Item:
    """Move a batch; from pinned memory nobody waits for the copy."""
    return {name: tensor.to(device, non_blocking=True) for name, tensor in item.items()}
