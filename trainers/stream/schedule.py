"""The learning rate: a linear rise from 0, then constant."""

from __future__ import annotations


def warmup_rate(step: int, *, peak: float, warmup: int) -> float:
    """The learning rate at ``step``, counted from 0; the first step of a warm-up has none."""
    return peak * step / warmup if step < warmup else peak
