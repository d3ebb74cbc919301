"""The loss of every micro-step, seen where ``Tensor.backward`` and ``torch.autograd.grad`` meet autograd."""

import functools
from collections.abc import Callable, Iterator
from typing import Any, Final

CHANNELS: Final = ("loss", "stale_gradients")
SEAM: Final = "patch of torch.autograd.backward and torch.autograd.grad"
BLIND: Final = "gradients taken with torch.func; a backward inside a compiled function"


def install(listener: Any) -> None:
    """Emit ``backward_begins`` and ``backward_ends`` and count micro-steps.

    Calls inside a backward belong to activation checkpointing. ``torch.autograd.grad`` is a micro-step where it
    differentiates by parameters for good; by inputs (a penalty), or to be differentiated again, it is part of a loss.
    """
    import torch

    def around(original: Callable[..., Any], first: str, *, taken: bool) -> Callable[..., Any]:
        @functools.wraps(original)
        def differentiate(*args: Any, **kwargs: Any) -> Any:
            if torch.compiler.is_compiling() or listener.in_backward:
                return original(*args, **kwargs)
            sources = None
            if taken:
                args, kwargs = _settled(args, kwargs)
                sources = _parameters(listener, args, kwargs)
            tensors = args[0] if args else kwargs.get(first)
            if (taken and not sources) or not _begin(listener, tensors):
                return original(*args, **kwargs)
            listener.in_backward = True
            try:
                result = original(*args, **kwargs)
            finally:
                listener.in_backward = False
            if listener.stepped:
                listener.flush()
            listener.emit("backward_ends", sources, result)
            return result

        return differentiate

    patches = listener.patches
    patches.put(torch.autograd, "backward", around(torch.autograd.backward, "tensors", taken=False))
    patches.put(torch.autograd, "grad", around(torch.autograd.grad, "outputs", taken=True))

    def begin_update() -> None:
        listener.micro_steps = 0

    def observe(tensors: Any) -> None:
        if listener.micro_steps == 0:
            listener.stale = _stale(listener)
            listener.observe("stale_gradients", listener.stale)
        listener.micro_steps += 1
        listener.site("backward")
        tensor = tensors if isinstance(tensors, torch.Tensor) else next(iter(tensors), None)
        if tensor is not None and tensor.numel() == 1:
            listener.observe_scalar("loss", tensor, divisor=listener.loss_scale or 1.0)

    listener.on("update_begins", "backward", begin_update)
    listener.on("backward_begins", "backward", observe)
    listener.on("finish", "backward", lambda _: _confess(listener))


def _begin(listener: Any, tensors: Any) -> bool:
    listener.check_limit()
    if not listener.training_event():
        return False
    listener.emit("backward_begins", tensors)
    return True


def _settled(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of ``torch.autograd.grad`` with a generator of inputs listed: it can be read only once."""
    if len(args) > 1 and isinstance(args[1], Iterator):
        return (args[0], list(args[1]), *args[2:]), kwargs
    if isinstance(kwargs.get("inputs"), Iterator):
        return args, {**kwargs, "inputs": list(kwargs["inputs"])}
    return args, kwargs


def _parameters(listener: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """The inputs of ``torch.autograd.grad``, where they are parameters and the result is not differentiated again."""
    import torch

    # (outputs, inputs, grad_outputs, retain_graph, create_graph, ...)
    if kwargs.get("create_graph", args[4] if len(args) > 4 else False):
        return []
    inputs = kwargs.get("inputs", args[1] if len(args) > 1 else ())
    listed = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    known = (isinstance(one, torch.nn.Parameter) or listener.roots.name(one) for one in listed)
    return listed if any(known) else []


def _stale(listener: Any) -> int:
    """Parameters that still hold a gradient that is not zero."""
    return sum(
        tensor.requires_grad and tensor.is_leaf and tensor.grad is not None and bool(tensor.grad.any())
        for _, tensor in listener.roots.tensors()
    )


def _confess(listener: Any) -> None:
    if listener.micro_steps and not listener.stepped:
        passes = f"{listener.micro_steps} backward passes at the end that led to no update that could be seen"
        listener.note({"blind": passes, "channels": ["lr", "parameter", "optimizer_state", "update_inferred"]})
