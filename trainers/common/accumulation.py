"""Gradient accumulation: one update out of several micro-steps on several processes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from torch import nn
from torch.nn.parallel import DistributedDataParallel

from trainers.common.errors import ConfigError


def micro_steps_per_process(total: int, *, world_size: int) -> int:
    """Share the micro-steps of one update out to the processes, so that the update sees as many tokens as before.

    Raises:
        ConfigError: they cannot be shared out evenly.
    """
    if total % world_size != 0:
        problem = f"gradient_accumulation_steps is {total}, which {world_size} processes cannot share evenly"
        raise ConfigError([f"{problem}; expected a multiple of {world_size}"])
    return total // world_size


def gradient_exchange(model: nn.Module, *, is_last: bool) -> AbstractContextManager[None]:
    """Return a context for one micro-step: processes exchange gradients in the last one of an update only.

    Forward and backward both belong inside, as the forward pass decides what the backward pass will exchange.
    """
    if isinstance(model, DistributedDataParallel) and not is_last:
        return model.no_sync()
    return nullcontext()
