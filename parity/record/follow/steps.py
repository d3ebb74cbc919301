"""An optimizer's step: gradients, learning rates and state before it, parameters, state and buffers after it."""

from collections.abc import Iterator
from typing import Any

from ...trace.digests import digest_tensor
from .forcing import put
from .gradients import meet_gradient

CHANNELS = ("gradient_applied", "optimizer_state_carried")


def install(listener: Any, side: Any) -> None:
    """Meet what a step is given and what it leaves behind."""
    rates: list[tuple[dict[str, Any], Any]] = []
    versions: dict[str, int] = {}

    def begins(optimizer: Any) -> None:
        if listener.in_backward:
            side.leave("an optimizer steps inside of the backward pass")
            return
        for name, parameter in _held(listener, optimizer):
            digest = meet_gradient(side, "clipped gradients", f"applied/{side.name(name)}", parameter)
            if digest:
                listener.observe("gradient_applied", digest, name)
        _meet_state(listener, side, optimizer, "before", observed="optimizer_state_carried")
        rates.extend(_meet_rates(listener, side, optimizer))

    def ends(optimizer: Any) -> None:
        # Schedulers multiply what they find: a rate that was taken over must not stay.
        while rates:
            group, own = rates.pop()
            _set_rate(group, own)
        for name, parameter in _held(listener, optimizer):
            put(parameter, side.meet("parameters", f"after/{side.name(name)}", parameter, digest_tensor(parameter)))
        _meet_state(listener, side, optimizer, "after")
        _meet_buffers(listener, side, versions)

    listener.on("step_begins", "follow", begins)
    listener.on("step_ends", "follow", ends)


def _held(listener: Any, optimizer: Any) -> Iterator[tuple[str, Any]]:
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            yield listener.parameter_name(parameter), parameter


def _meet_state(listener: Any, side: Any, optimizer: Any, when: str, observed: str = "") -> None:
    for name, parameter in _held(listener, optimizer):
        state = optimizer.state.get(parameter) or {}
        for key, value in list(state.items()):
            place = f"state/{when}/{side.name(name)}/{key}"
            if hasattr(value, "data_ptr"):
                digest = digest_tensor(value)
                if observed:
                    listener.observe(observed, digest, f"{name}/{key}")
                put(value, side.meet("optimizer state", place, value, digest))
            elif isinstance(value, (int, float)):
                wanted = side.meet_value("optimizer state", place, value)
                if wanted is not None:
                    state[key] = wanted


def _meet_rates(listener: Any, side: Any, optimizer: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """Take over the learning rate of each group whose parameters have one rate in the reference; yield the own ones."""
    import torch

    for group in optimizer.param_groups:
        if "lr" not in group:
            continue
        own = float(group["lr"])
        names = [side.name(listener.parameter_name(parameter)) for parameter in group["params"]]
        wanted = {side.look(f"rate/{name}", own) for name in names} - {None}
        if len(wanted) > 1:
            side.unforced("learning rates", f"one group for parameters with {len(wanted)} rates in the reference")
        elif wanted and wanted != {own}:
            side.count("learning rates")
            kept = group["lr"].clone() if isinstance(group["lr"], torch.Tensor) else group["lr"]
            _set_rate(group, wanted.pop())
            yield group, kept


def _set_rate(group: dict[str, Any], rate: Any) -> None:
    import torch

    if isinstance(group["lr"], torch.Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def _meet_buffers(listener: Any, side: Any, versions: dict[str, int]) -> None:
    """Buffers that the forward writes, such as running means. What nobody has written to is left alone."""
    for name, tensor in listener.roots.tensors():
        if name in listener.buffers and versions.get(name) != tensor._version:
            versions[name] = tensor._version
            put(tensor, side.meet("buffers", f"buffer/{side.name(name)}", tensor, digest_tensor(tensor)))
