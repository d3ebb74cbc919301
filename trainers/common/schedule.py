"""Learning-rate schedules: functions of the iteration, without state."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class WarmupCosine:
    """Linear warm-up to a peak, then half a cosine down to a floor, which is kept."""

    peak: float
    floor: float
    warmup_iterations: int
    decay_end: int
    """The iteration at which the cosine arrives at the floor."""

    def __call__(self, iteration: int) -> float:
        """Return the learning rate of one iteration, counted from 0."""
        if iteration < self.warmup_iterations:
            # one added above and below, so that the first update already moves and the peak comes after the warm-up
            return self.peak * (iteration + 1) / (self.warmup_iterations + 1)
        if iteration > self.decay_end:
            return self.floor
        length = self.decay_end - self.warmup_iterations
        # a warm-up that lasts until decay_end leaves one iteration at the peak
        progress = (iteration - self.warmup_iterations) / length if length > 0 else 0.0
        return self.floor + 0.5 * (1.0 + math.cos(math.pi * progress)) * (self.peak - self.floor)
