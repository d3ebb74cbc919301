"""Where random numbers come from."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def seed_torch(seed: int, *, rank: int) -> None:
    """Seed the global torch generators, differently on each process, lest all drop the same activations."""
    torch.manual_seed(seed + rank)


def private_generator(seed: int, *, rank: int) -> random.Random:
    """Make a generator that nobody else draws from, so that its sequence depends on its own use alone."""
    return random.Random(seed + rank)


def seed_everywhere(seed: int) -> None:
    """Seed the global generators of torch and numpy, equally on each process."""
    torch.manual_seed(seed)
    np.random.seed(seed)


CURRENT_GPU = torch.device("cuda")


def generator_states(device: torch.device = CURRENT_GPU) -> dict[str, Any]:
    """Return the states of this process's torch generators: that of the CPU, and that of ``device`` if it is a GPU."""
    states: dict[str, Any] = {"torch": torch.get_rng_state()}
    if device.type == "cuda" and torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def restore_generators(states: dict[str, Any], device: torch.device = CURRENT_GPU) -> None:
    """Set the torch generators to what ``generator_states`` returned, for a GPU that may be another one."""
    torch.set_rng_state(states["torch"].cpu())
    if "cuda" in states and device.type == "cuda" and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"].cpu(), device)
