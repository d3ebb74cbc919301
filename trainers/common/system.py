"""What machine and software a run runs on, in one line."""

from __future__ import annotations

import os
import platform

import torch

BYTES_PER_GIGABYTE = 1024**3


def memory_bytes() -> int:
    """Return how much memory the machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def describe_system(device: torch.device) -> str:
    """Name the versions, the processors, the memory and the GPU in use."""
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else "no GPU"
    return (
        f"system: Python {platform.python_version()}, torch {torch.__version__}, {os.cpu_count()} CPUs, "
        f"{memory_bytes() / BYTES_PER_GIGABYTE:.0f} GB of memory, {gpu}"
    )
