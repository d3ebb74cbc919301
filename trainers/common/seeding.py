"""Where random numbers come from."""

from __future__ import annotations

import random

import torch


def seed_torch(seed: int, *, rank: int) -> None:
    """Seed the global torch generators, differently on each process, lest all drop the same activations."""
    torch.manual_seed(seed + rank)


def private_generator(seed: int, *, rank: int) -> random.Random:
    """Make a generator that nobody else draws from, so that its sequence depends on its own use alone."""
    return random.Random(seed + rank)
