"""The learning rate: a function of the iteration."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class WarmupFromZero:
    """Linear from 0 to the peak, then half a cosine down to a floor, which is kept."""

    peak: float
    floor: float
    warmup_iterations: int
    decay_end: int
    """The iteration at which the cosine arrives at the floor."""

    def __call__(self, iteration: int) -> float:
        """Return the learning rate of one iteration, counted from 0."""
        if iteration < self.warmup_iterations:
            return self.peak * iteration / self.warmup_iterations
        if iteration > self.decay_end:
            return self.floor
        length = self.decay_end - self.warmup_iterations
        # a warm-up that lasts until the end leaves one iteration at the peak
        progress = (iteration - self.warmup_iterations) / length if length > 0 else 0.0
        return self.floor + 0.5 * (1.0 + math.cos(math.pi * progress)) * (self.peak - self.floor)
