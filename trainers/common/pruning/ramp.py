"""How the share of removed weights grows during training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Ramp:
    """From nothing, up to and including update ``start``, to ``target`` at update ``end`` and after it."""

    target: float
    """The final share of removed weights."""
    start: int
    end: int
    power: int
    """1 for a linear ramp, 3 for a cubic one."""

    def __call__(self, step: int) -> float:
        """Return the share to remove at one update, counted from 0."""
        if step <= self.start:
            return 0.0
        length = self.end - self.start
        progress = min(1.0, (step - self.start) / length) if length > 0 else 1.0
        return self.target * float(progress**self.power)
