"""Gradients: what is left over when the first backward begins, and what the last one leaves behind.

They are taken over at the end of the last backward, not where they are clipped: so clipping by hand, or none, is judged
on its own. Which backward is the last is known from the run before.
"""

from collections.abc import Mapping
from typing import Any

from ...trace.digests import digest_tensor
from .absence import ABSENT
from .forcing import put

CHANNELS = ("gradient_applied",)


def install(listener: Any, side: Any, backwards: Mapping[str, Any]) -> None:
    """Meet all gradients at the end of the last backward, or where they are first looked at if that is unknown."""
    met = [True]

    def begin() -> None:
        met[0] = False

    def leftovers(_: Any) -> None:
        if listener.micro_steps == 1:
            for name, parameter in listener.roots.parameters():
                stale = parameter.grad is not None and bool(parameter.grad.any())
                if side.look(f"stale/{side.name(name)}", stale) is False and stale:
                    side.count("stale gradients")
                    parameter.grad = None

    def ended(*_: Any) -> None:
        expected = backwards["others"].get(str(listener.update), backwards["usual"])
        if listener.micro_steps == expected:
            meet()

    def meet(*_: Any) -> None:
        if met[0]:
            return
        met[0] = True
        _show(listener)
        for name, parameter in listener.roots.parameters() if not side.lets_go() else ():
            meet_gradient(side, "gradients", f"gradient/{side.name(name)}", parameter)

    listener.on("update_begins", "follow", begin)
    listener.on("backward_begins", "follow", leftovers)
    listener.on("backward_ends", "follow", ended)
    listener.on("gradients_ready", "follow", meet)


def meet_gradient(side: Any, what: str, key: str, parameter: Any) -> int:
    """Judge and take over the gradient of one parameter; return the digest of its own, 0 where it has none."""
    gradient = parameter.grad
    digest = 0 if gradient is None else digest_tensor(gradient)
    value = side.meet(what, key, gradient, digest, parameter)
    if value is ABSENT:
        parameter.grad = None
    elif gradient is None and value is not None:
        parameter.grad = value.clone()
    else:
        put(gradient, value)
    return digest


def _show(listener: Any) -> None:
    """Let the gradients be recorded before anything is done to them."""
    import torch

    scale = None if listener.loss_scale is None else torch.tensor(listener.loss_scale)
    listener.emit("gradients_ready", [parameter for _, parameter in listener.roots.parameters()], scale)
    listener.emit("gradient_norm", None, scale)
