"""How many sequences fit into the memory of a GPU, by arithmetic."""

from __future__ import annotations

import torch

from trainers.char_gpt.model import GPT

BYTES_PER_PARAMETER = 16
"""A weight, its gradient and two moments, in float32."""

SEQUENCES_PER_BLOCK = 8
"""Batch sizes that are computed are multiples of this."""


def memory_of(device: torch.device) -> int | None:
    """Return how many bytes the GPU has; None on the CPU, whose memory is not what limits a batch."""
    return torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else None


def fitting_batch_size(model: GPT, *, share: float, memory: int) -> int:
    """Return how many sequences fill ``share`` of a ``memory`` in bytes with what they leave behind: whole blocks."""
    weights = BYTES_PER_PARAMETER * sum(parameter.numel() for parameter in model.parameters())
    shape = model.architecture
    # activations of 16 bits in each layer, and the logits of 32 with their gradients
    per_token = 2 * shape.n_layer * (14 * shape.n_embd + 2 * shape.hidden_size) + 8 * shape.vocab_size
    return whole_blocks((share * memory - weights) / (per_token * shape.block_size))


def whole_blocks(sequences: float) -> int:
    """Round down to a multiple of 8, but to no less than 8."""
    return SEQUENCES_PER_BLOCK * max(1, int(sequences) // SEQUENCES_PER_BLOCK)
