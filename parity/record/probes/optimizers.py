"""Optimizer steps: learning rates, hyper-parameters by parameter, and what the step leaves behind."""

from typing import Any, Final

from ...trace.digests import digest_bytes, digest_tensor

CHANNELS: Final = ("lr", "optimizer_type", "optimizer_group", "parameter", "optimizer_state")
SEAM: Final = "public global step hooks of torch.optim.optimizer"
BLIND: Final = "optimizers that do not derive from torch.optim.Optimizer; updates written by hand"
_SILENT: Final = frozenset(
    {"params", "lr", "initial_lr", "param_names", "foreach", "fused", "capturable", "swap_params"}
)


def install(listener: Any) -> None:
    """Observe every step before and after; emit ``gradients_ready``, ``first_step_begins``, ``step_ends``."""
    from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

    numbers: dict[int, int] = {}
    groups: dict[tuple[int, int], str] = {}

    listener.steps = 0

    def before(optimizer: Any, *_: Any) -> None:
        if listener.update < 0:
            listener.training_event()
        listener.emit("gradients_ready", [p for group in optimizer.param_groups for p in group["params"]])
        listener.emit("gradient_norm", None)
        if not listener.stepped:
            listener.emit("first_step_begins")
        listener.emit("step_begins", optimizer, numbers.setdefault(id(optimizer), len(numbers)))

    def after(optimizer: Any, *_: Any) -> None:
        listener.steps += 1
        listener.emit("step_ends", optimizer)
        listener.step_done()

    def begins(optimizer: Any, number: int) -> None:
        listener.site("step")
        _observe_rates(listener, optimizer, number)
        _observe_groups(listener, optimizer, number, groups)

    register_optimizer_step_pre_hook(before)
    register_optimizer_step_post_hook(after)
    listener.on("step_begins", "optimizers", begins)
    if listener.level != "scalars":
        listener.on("step_ends", "optimizers", lambda optimizer: _observe_result(listener, optimizer))


def _prefix(number: int) -> str:
    return f"optimizer {number}, " if number else ""


def _observe_rates(listener: Any, optimizer: Any, number: int) -> None:
    rates = [float(group["lr"]) if "lr" in group else float("nan") for group in optimizer.param_groups]
    if len(set(rates)) == 1:
        listener.observe("lr", rates[0], f"{_prefix(number)}all groups")
        return
    for index, rate in enumerate(rates):
        listener.observe("lr", rate, f"{_prefix(number)}group {index}")


def _observe_groups(listener: Any, optimizer: Any, number: int, seen: dict[tuple[int, int], str]) -> None:
    """Hyper-parameters of each parameter, when they are first seen and when they change."""
    if (number, -1) not in seen:
        seen[number, -1] = type(optimizer).__name__
        listener.observe("optimizer_type", type(optimizer).__name__, f"optimizer {number}" if number else "")
    for index, group in enumerate(optimizer.param_groups):
        text = ", ".join(f"{key}={_plain(group[key])}" for key in sorted(group) if key not in _SILENT)
        if seen.get((number, index)) != text:
            seen[number, index] = text
            for parameter in group["params"]:
                listener.observe("optimizer_group", text, listener.parameter_name(parameter))


def _plain(value: Any) -> str:
    item = getattr(value, "item", None)
    return repr(item()) if item is not None and getattr(value, "numel", lambda: 1)() == 1 else repr(value)


def _observe_result(listener: Any, optimizer: Any) -> None:
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            name = listener.parameter_name(parameter)
            listener.observe("parameter", digest_tensor(parameter), name)
            state = optimizer.state.get(parameter)
            for key, value in state.items() if state else ():
                digest = digest_tensor(value) if hasattr(value, "data_ptr") else digest_bytes(repr(value).encode())
                listener.observe("optimizer_state", digest, f"{name}/{key}")
