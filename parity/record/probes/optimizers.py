"""Optimizer steps: learning rates, hyper-parameters by parameter, and what the step leaves behind."""

import weakref
from collections.abc import Iterator
from typing import Any, Final

from ...trace.digests import digest_bytes

CHANNELS: Final = ("lr", "optimizer_type", "optimizer_group", "parameter", "optimizer_state_initial", "optimizer_state")
SEAM: Final = "public global step hooks of torch.optim.optimizer"
BLIND: Final = "optimizers not derived from torch.optim.Optimizer, updates by hand, compiled steps: see manual_updates"
_SILENT: Final = frozenset(
    {"params", "lr", "initial_lr", "param_names", "foreach", "fused", "capturable", "swap_params"}
)
_CONSTANT: Final = frozenset({bool, int, float, str, type(None)})


def install(listener: Any) -> None:
    """Observe every step before and after.

    Emits ``step_opens``, ``gradients_ready``, ``step_ends`` and ``parameters_stepped``. A step with a closure makes its
    gradients itself, once or many times: they are looked at when it is done.
    """
    import torch
    from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

    observer = _Observer(listener)

    def before(optimizer: Any, args: Any, kwargs: Any) -> None:
        if torch.compiler.is_compiling():
            return
        with listener.lent():
            closure = _has_closure(args, kwargs)
            if closure:
                listener.check_limit()
                listener.emit("closure_step")
            listener.step_opens(id(optimizer), closure=closure)
            listener.emit("step_opens", optimizer)
            if not closure:
                listener.emit("step_begins", optimizer)

    def after(optimizer: Any, args: Any, kwargs: Any) -> None:
        if torch.compiler.is_compiling():
            return
        with listener.lent():
            if _has_closure(args, kwargs):
                listener.emit("step_begins", optimizer)
            listener.steps += 1
            listener.emit("step_ends", optimizer)
            listener.step_closes(id(optimizer))

    for handle in (register_optimizer_step_pre_hook(before), register_optimizer_step_post_hook(after)):
        listener.patches.afterwards(handle.remove)
    listener.on("step_begins", "optimizers", observer.begins)
    if listener.level != "scalars":
        known: weakref.WeakSet[Any] = weakref.WeakSet()
        listener.on("step_opens", "optimizers", lambda optimizer: _observe_initial(listener, optimizer, known))
        listener.on("step_ends", "optimizers", lambda optimizer: _observe_result(listener, optimizer))


def _has_closure(args: Any, kwargs: Any) -> bool:
    return callable(kwargs.get("closure")) or (len(args) > 1 and callable(args[1]))


class _Observer:
    """What is known before a step changes anything, or, with a closure, as soon as it can be known."""

    def __init__(self, listener: Any) -> None:
        self._listener = listener
        self._numbers: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._groups: dict[tuple[int, int], _Settings] = {}

    def begins(self, optimizer: Any) -> None:
        listener = self._listener
        # Set by the loss scaler on an optimizer that unscales by itself, unless unscale_ has done it.
        scale = getattr(optimizer, "grad_scale", None)
        listener.emit("gradients_ready", [p for group in optimizer.param_groups for p in group["params"]], scale)
        listener.emit("gradient_norm", None, scale)
        if not listener.stepped:
            listener.emit("first_step_begins")
        listener.site("step")
        number = self._numbers.setdefault(optimizer, len(self._numbers))
        _observe_rates(listener, optimizer, number)
        _observe_groups(listener, optimizer, number, self._groups)


def _prefix(number: int) -> str:
    return f"optimizer {number}, " if number else ""


def _observe_rates(listener: Any, optimizer: Any, number: int) -> None:
    rates = [float(group["lr"]) if "lr" in group else float("nan") for group in optimizer.param_groups]
    if len(set(rates)) == 1:
        listener.observe("lr", rates[0], f"{_prefix(number)}all groups")
        return
    for index, rate in enumerate(rates):
        listener.observe("lr", rate, f"{_prefix(number)}group {index}")


class _Settings:
    """The hyper-parameters of a group as text, written again only where a value is another object than before."""

    def __init__(self) -> None:
        self.text: str | None = None
        self._values: dict[str, Any] = {}

    def change(self, group: dict[str, Any]) -> bool:
        """Take what ``group`` holds now; whether that is something else."""
        values = {key: value for key, value in group.items() if key not in _SILENT}
        before, self._values = self._values, values if all(map(_is_constant, values.values())) else {}
        if before and before.keys() == values.keys() and all(before[key] is value for key, value in values.items()):
            return False
        text = ", ".join(f"{key}={_plain(values[key])}" for key in sorted(values))
        changed, self.text = text != self.text, text
        return changed


def _is_constant(value: Any) -> bool:
    """Whether ``value`` stays what it is; no tensor does, and none is to be kept alive."""
    return type(value) in _CONSTANT or (type(value) is tuple and all(type(one) in _CONSTANT for one in value))


def _observe_groups(listener: Any, optimizer: Any, number: int, seen: dict[tuple[int, int], _Settings]) -> None:
    """Hyper-parameters of each parameter, when they are first seen and when they change."""
    if (number, 0) not in seen:
        listener.observe("optimizer_type", type(optimizer).__name__, f"optimizer {number}" if number else "")
    for index, group in enumerate(optimizer.param_groups):
        settings = seen.setdefault((number, index), _Settings())
        if settings.change(group):
            for parameter in group["params"]:
                listener.observe("optimizer_group", settings.text, listener.parameter_name(parameter))


def _plain(value: Any) -> str:
    item = getattr(value, "item", None)
    return repr(item()) if item is not None and getattr(value, "numel", lambda: 1)() == 1 else repr(value)


def _observe_result(listener: Any, optimizer: Any) -> None:
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    names = [listener.parameter_name(parameter) for parameter in parameters]
    tensors: list[tuple[str, Any, str]] = []
    for parameter, name in zip(parameters, names, strict=True):
        tensors += [("parameter", parameter, name), *_state(listener, optimizer, parameter, "optimizer_state")]
    digests = listener.observe_tensors(tensors)
    of_parameters = [one for (channel, *_), one in zip(tensors, digests, strict=True) if channel == "parameter"]
    listener.emit("parameters_stepped", names, parameters, of_parameters)


def _observe_initial(listener: Any, optimizer: Any, seen: weakref.WeakSet[Any]) -> None:
    """What an optimizer brings to its first step: nothing, but where an earlier run goes on."""
    if optimizer in seen:
        return
    seen.add(optimizer)
    tensors: list[tuple[str, Any, str]] = []
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            tensors += _state(listener, optimizer, parameter, "optimizer_state_initial")
    listener.observe_tensors(tensors)


def _state(listener: Any, optimizer: Any, parameter: Any, channel: str) -> Iterator[tuple[str, Any, str]]:
    """The tensors of the state of ``parameter``; what is none is observed at once."""
    state = optimizer.state.get(parameter)
    for key, value in state.items() if state else ():
        name = f"{listener.parameter_name(parameter)}/{key}"
        if hasattr(value, "data_ptr"):
            yield channel, value, name
        else:
            listener.observe(channel, digest_bytes(repr(value).encode()), name)
