"""How many sequences fit into the memory of a GPU, by arithmetic."""

from __future__ import annotations

import torch

from trainers.char_gpt.model import GPT

BYTES_PER_PARAMETER = 16
"""A weight, its gradient and two moments, in float32."""


def fitting_batch_size(model: GPT, *, share: float) -> int | None:
    """Return how many sequences fill ``share`` of the memory with what they leave behind; None on the CPU."""
    device = model.lm_head.weight.device
    if device.type != "cuda":
        return None
    weights = BYTES_PER_PARAMETER * sum(parameter.numel() for parameter in model.parameters())
    room = share * torch.cuda.get_device_properties(device).total_memory - weights
    shape = model.architecture
    # activations of 16 bits in each layer, and the logits of 32 with their gradients
    per_token = 2 * shape.n_layer * (14 * shape.n_embd + 2 * shape.hidden_size) + 8 * shape.vocab_size
    return int(room / (per_token * shape.block_size))
