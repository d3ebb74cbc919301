"""The loss on both splits, estimated from a few batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from trainers.char_gpt.vocabulary import CoreAccuracy, Remapping
from trainers.common.data import Batch
from trainers.common.precision import Precision


@dataclass(frozen=True, kw_only=True)
class Losses:
    """Mean losses in nats per token, 0-dimensional tensors."""

    train: torch.Tensor
    validation: torch.Tensor
    core_accuracy: float | None = None
    """Share of the validation targets guessed right, rare tokens left out; None without a smaller vocabulary."""


def estimate_losses(
    model: nn.Module,
    *,
    next_train_batch: Callable[[], Batch],
    next_validation_batch: Callable[[], Batch],
    batches_per_split: int,
    precision: Precision,
    remapping: Remapping | None = None,
) -> Losses:
    """Estimate the losses of both splits, the training split first.

    Every process has to call this, as the wrapped model may talk to its peers. The batches of the training split are
    taken from the training stream and thereby consumed; ``remapping`` maps all tokens to the vocabulary of the model.
    The model is left in training mode.
    """
    accuracy = None
    if remapping is not None and remapping.is_active:
        accuracy = CoreAccuracy(remapping)
        next_train_batch = remapping.following(next_train_batch)
        next_validation_batch = remapping.following(next_validation_batch)
    model.eval()
    train = _mean_loss(model, next_train_batch, batches_per_split, precision)
    validation = _mean_loss(model, next_validation_batch, batches_per_split, precision, accuracy)
    model.train()
    return Losses(train=train, validation=validation, core_accuracy=None if accuracy is None else accuracy.share)


@torch.no_grad()
def _mean_loss(
    model: nn.Module,
    next_batch: Callable[[], Batch],
    count: int,
    precision: Precision,
    accuracy: CoreAccuracy | None = None,
) -> torch.Tensor:
    losses = torch.zeros(count)
    for index in range(count):
        inputs, targets = next_batch()
        with precision.autocast():
            logits, loss = model(inputs, targets)
        losses[index] = loss.item()
        if accuracy is not None:
            accuracy.add(logits, targets)
    return losses.mean()
