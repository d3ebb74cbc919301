"""The loss on both splits, estimated from a few batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from trainers.common.data import Batch
from trainers.common.precision import Precision


@dataclass(frozen=True, kw_only=True)
class Losses:
    """Mean losses in nats per token, 0-dimensional tensors."""

    train: torch.Tensor
    validation: torch.Tensor


def estimate_losses(
    model: nn.Module,
    *,
    next_train_batch: Callable[[], Batch],
    next_validation_batch: Callable[[], Batch],
    batches_per_split: int,
    precision: Precision,
) -> Losses:
    """Estimate the losses of both splits, the training split first.

    Every process has to call this, as the wrapped model may talk to its peers. The batches of the training split are
    taken from the training stream and thereby consumed. The model is left in training mode.
    """
    model.eval()
    train = _mean_loss(model, next_train_batch, batches_per_split, precision)
    validation = _mean_loss(model, next_validation_batch, batches_per_split, precision)
    model.train()
    return Losses(train=train, validation=validation)


@torch.no_grad()
def _mean_loss(model: nn.Module, next_batch: Callable[[], Batch], count: int, precision: Precision) -> torch.Tensor:
    losses = torch.zeros(count)
    for index in range(count):
        inputs, targets = next_batch()
        with precision.autocast():
            _, loss = model(inputs, targets)
        losses[index] = loss.item()
    return losses.mean()
