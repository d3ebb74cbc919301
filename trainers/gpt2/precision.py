"""Number formats of the two trainers, which differ in where they apply and in whether small gradients are scaled."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

from trainers.common.precision import DTYPES, Precision


@dataclass(frozen=True, kw_only=True)
class PlainPrecision(Precision):
    """Low precision on the GPU, with scaled gradients in float16; float32 is computed without autocast."""

    def autocast(self) -> AbstractContextManager[None]:
        """Return a context for the forward pass."""
        return nullcontext() if self.dtype == "float32" else super().autocast()


@dataclass(frozen=True, kw_only=True)
class UnscaledPrecision(Precision):
    """Low precision on every device, a CPU included, and small gradients may vanish."""

    def autocast(self) -> AbstractContextManager[None]:
        """Return a context for the forward pass."""
        if self.dtype == "float32":
            return nullcontext()
        return torch.amp.autocast(self.device_type, dtype=DTYPES[self.dtype])

    def gradient_scaler(self) -> torch.amp.GradScaler:
        """Return a scaler that lets everything pass."""
        return torch.amp.GradScaler(self.device_type, enabled=False)
