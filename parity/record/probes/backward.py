"""The loss of every micro-step, seen where ``Tensor.backward`` meets autograd."""

import functools
import threading
from typing import Any, Final

CHANNELS: Final = ("loss", "stale_gradients")
SEAM: Final = "patch of torch.autograd.backward"
BLIND: Final = "gradients taken with torch.autograd.grad or torch.func"


def install(listener: Any) -> None:
    """Emit ``backward_begins`` and count micro-steps; nested calls belong to activation checkpointing."""
    import torch

    original = torch.autograd.backward
    local = threading.local()
    listener.in_backward = False
    listener.micro_steps = 0

    @functools.wraps(original)
    def backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
        if getattr(local, "depth", 0):
            return original(tensors, *args, **kwargs)
        local.depth = 1
        try:
            listener.check_limit()
            listener.training_event()
            listener.emit("backward_begins", tensors)
            listener.in_backward = True
            return original(tensors, *args, **kwargs)
        finally:
            listener.in_backward = False
            local.depth = 0

    torch.autograd.backward = backward

    def begin_update() -> None:
        listener.micro_steps = 0

    def observe(tensors: Any) -> None:
        if listener.micro_steps == 0:
            listener.observe("stale_gradients", _stale(listener))
        listener.micro_steps += 1
        listener.site("backward")
        tensor = tensors if isinstance(tensors, torch.Tensor) else next(iter(tensors), None)
        if tensor is not None and tensor.numel() == 1:
            listener.observe_scalar("loss", tensor, divisor=listener.loss_scale or 1.0)

    listener.loss_scale = None
    listener.on("update_begins", "backward", begin_update)
    listener.on("backward_begins", "backward", observe)


def _stale(listener: Any) -> int:
    """Parameters that still hold a gradient that is not zero."""
    return sum(
        tensor.requires_grad and tensor.is_leaf and tensor.grad is not None and bool(tensor.grad.any())
        for _, tensor in listener.roots.tensors()
    )
