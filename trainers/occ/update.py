"""One update: forward, backward, clipping, optimizer step, schedule step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

LARGEST_NORM = 1.0


class Updater:
    """Trains a model by one batch at a time, in mixed precision where that is wanted."""

    def __init__(
        self,
        model: nn.Module,
        *,
        optimizer: Optimizer,
        scheduler: LambdaLR,
        device: torch.device,
        uses_amp: bool = False,
    ) -> None:
        """Mixed precision is float16 with a scaled loss on the GPU and bfloat16, which needs no scale, on the CPU."""
        self.model = model
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.device = device
        self.uses_amp = uses_amp
        self.scaler = torch.amp.GradScaler(device.type) if uses_amp and device.type == "cuda" else None

    def autocast(self) -> AbstractContextManager[None]:
        """Return a context for every forward pass."""
        if not self.uses_amp:
            return nullcontext()
        dtype = torch.float16 if self.device.type == "cuda" else torch.bfloat16
        return torch.amp.autocast(device_type=self.device.type, dtype=dtype)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next update."""
        return float(self.scheduler.get_last_lr()[0])

    def __call__(self, forward: Callable[[], torch.Tensor]) -> float:
        """Do one update with the loss that ``forward`` returns; returns its value."""
        with self.autocast():
            loss = forward()
        value = loss.item()
        self.optimizer.zero_grad()
        if self.scaler is None:
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.model.parameters(), max_norm=LARGEST_NORM)
            self.optimizer.step()
            self.scheduler.step()
        else:
            self._scaled_step(loss, self.scaler)
        return value

    def _scaled_step(self, loss: torch.Tensor, scaler: torch.amp.GradScaler) -> None:
        scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.model.parameters(), max_norm=LARGEST_NORM)
        scale = scaler.get_scale()
        scaler.step(self.optimizer)
        scaler.update()
        # a scale that falls tells of an overflow, and then there was no optimizer step
        if scaler.get_scale() >= scale:
            self.scheduler.step()
