"""How well the hardware is used."""

from __future__ import annotations

from dataclasses import dataclass

import torch

REFERENCE_FLOPS_PER_SECOND = 121e12
"""The card that utilisation is measured against, whatever card is there."""

BYTES_PER_GIGABYTE = 1024**3


def transformer_flops_per_token(*, parameters: int, layers: int, heads: int, head_size: int, block_size: int) -> int:
    """Count the floating-point operations per trained token, forward and backward.

    Six per parameter, and twelve per layer, channel and attended position (the PaLM paper, appendix B).
    """
    return 6 * parameters + 12 * layers * heads * head_size * block_size


@dataclass(kw_only=True)
class RunningUtilisation:
    """Model FLOPs utilisation as an exponential average, once the first iterations are over."""

    flops_per_sequence: int
    sequences_per_iteration: int
    warmup_iterations: int = 5
    """The first iterations of a process are slow and not counted."""
    fraction: float = 0.0
    _has_value: bool = False

    def add(self, *, local_iteration: int, seconds: float) -> None:
        """Take in one iteration of this process, counted from 0."""
        if local_iteration < self.warmup_iterations:
            return
        flops = self.flops_per_sequence * self.sequences_per_iteration
        measured = flops / seconds / REFERENCE_FLOPS_PER_SECOND if seconds > 0 else 0.0
        self.fraction = 0.9 * self.fraction + 0.1 * measured if self._has_value else measured
        self._has_value = True


@dataclass(frozen=True, kw_only=True)
class VideoMemory:
    """Memory of the GPU: all zero where there is none."""

    used_gigabytes: float
    total_gigabytes: float

    @property
    def percent(self) -> float:
        """The share in use."""
        return 100 * self.used_gigabytes / self.total_gigabytes if self.total_gigabytes else 0.0


def read_video_memory(device: torch.device) -> VideoMemory:
    """Measure what torch has reserved on the device, and what the device has."""
    if device.type != "cuda":
        return VideoMemory(used_gigabytes=0.0, total_gigabytes=0.0)
    total = torch.cuda.get_device_properties(device).total_memory
    return VideoMemory(
        used_gigabytes=torch.cuda.memory_reserved(device) / BYTES_PER_GIGABYTE,
        total_gigabytes=total / BYTES_PER_GIGABYTE,
    )
