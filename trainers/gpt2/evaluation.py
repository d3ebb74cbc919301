"""The validation loss, and how long a forward pass takes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from trainers.common.data import Batch
from trainers.common.precision import Precision

LARGEST_EXPONENT = 20.0
LATENCY_RUNS = 50
FAILED = -1.0


def perplexity(loss: float) -> float:
    """exp(loss), of a loss in nats per token; an untrained model's is cut at exp(20)."""
    return math.exp(min(loss, LARGEST_EXPONENT))


@torch.no_grad()
def mean_loss(model: nn.Module, next_batch: Callable[[], Batch], *, batches: int, precision: Precision) -> float:
    """Average the loss, in nats per token, over some batches; the model is left in training mode."""
    model.eval()
    losses = np.zeros(batches)
    for index in range(batches):
        inputs, targets = next_batch()
        with precision.autocast():
            _, loss = model(inputs, targets)
        losses[index] = loss.item()
    model.train()
    return float(losses.mean())


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Percentiles of the duration of a forward pass, in milliseconds; -1 where it fails."""

    median: float
    p95: float


@torch.no_grad()
def measure_latency(model: nn.Module, *, length: int, device: torch.device, precision: Precision) -> Latency:
    """Time forward passes over one sequence of ``length`` tokens; the model is left in training mode."""
    model.eval()
    ids = torch.zeros((1, length), dtype=torch.long, device=device)
    try:
        times = [_time_forward(model, ids, precision) for _ in range(LATENCY_RUNS)]
    except (RuntimeError, ValueError):
        # too long for this model, or for the memory
        return Latency(median=FAILED, p95=FAILED)
    finally:
        model.train()
    return Latency(median=float(np.percentile(times, 50)), p95=float(np.percentile(times, 95)))


def _time_forward(model: nn.Module, ids: torch.Tensor, precision: Precision) -> float:
    """Return milliseconds; a GPU works in the background, so it is waited for before and after."""
    if ids.is_cuda:
        torch.cuda.synchronize(ids.device)
    begin = time.perf_counter()
    with precision.autocast():
        model(ids)
    if ids.is_cuda:
        torch.cuda.synchronize(ids.device)
    return 1000 * (time.perf_counter() - begin)
