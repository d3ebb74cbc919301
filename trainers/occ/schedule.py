"""The learning rate: a linear rise, then a linear fall to zero."""

from __future__ import annotations

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def warmup_updates(total: int, share: float) -> int:
    """Number of updates of warm-up: the ``share``, 0 to 1, of all updates, rounded down."""
    return int(total * share)


def linear_factor(update: int, *, warmup: int, total: int) -> float:
    """The share of the peak at ``update``, counted from 0; with a warm-up the first one is 0."""
    if update < warmup:
        return update / max(1, warmup)
    return max(0.0, (total - update) / max(1, total - warmup))


def linear_schedule(optimizer: Optimizer, *, warmup: int, total: int) -> LambdaLR:
    """Attach the schedule to an optimizer whose learning rate is the peak."""
    return LambdaLR(optimizer, lambda update: linear_factor(update, warmup=warmup, total=total))
