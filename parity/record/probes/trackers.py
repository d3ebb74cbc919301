"""What the program reports to wandb, trackio and TensorBoard, also where nothing leaves this machine.

The call is heard before the package acts on it: a package that is offline, disabled or without credentials makes no
difference to what the program said.
"""

import numbers
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from .calls import Family

CHANNELS: Final = ("metric", "metric_step", "tracker")
SEAM: Final = (
    "patch of init and log of wandb and trackio, and of add_scalar and add_scalars of torch.utils.tensorboard's "
    "SummaryWriter, once the program imports them"
)
BLIND: Final = "images, tables, histograms and other values that are no number; other trackers; other threads"
_DEPTH: Final = 4


def install(listener: Any) -> None:
    """Observe every number under its tag, and the step where the program names one."""
    family = Family(listener.patches)

    def tell(event: str, said: str = "") -> Callable[..., None]:
        return lambda *args, **kwargs: listener.emit(event, said, args, kwargs)

    def hear(owner: Any, name: str, event: str, said: str = "") -> None:
        family.hear(owner, name, before=tell(event, said))

    def wandb(module: Any) -> None:
        def started(run: Any, *_: Any, **__: Any) -> None:
            listener.emit("run_started", module, run)

        family.hear(module, "init", before=tell("tracker_init", "wandb"), after=started)
        family.hear_overrides(module.Run, "log", before=tell("metrics_of_run"))
        hear(module, "log", "metrics")

    def run_started(module: Any, run: Any) -> None:
        """A disabled run of older versions has a log function of its own."""
        if "log" in vars(run):
            hear(run, "log", "metrics")
            listener.patches.put(module, "log", run.log)

    def trackio(module: Any) -> None:
        hear(module, "init", "tracker_init", "trackio")
        hear(module.Run, "log", "metrics_of_run")
        hear(module, "log", "metrics")

    def tensorboard(module: Any) -> None:
        hear(module.SummaryWriter, "__init__", "tracker_init", "tensorboard")
        hear(module.SummaryWriter, "add_scalar", "scalar")
        hear(module.SummaryWriter, "add_scalars", "scalars")

    listener.on("run_started", "trackers", run_started)
    listener.imports.after("wandb", "trackers", wandb)
    listener.imports.after("trackio", "trackers", trackio)
    listener.imports.after("torch.utils.tensorboard.writer", "trackers", tensorboard)
    _subscribe(listener)


def _subscribe(listener: Any) -> None:
    def init(tracker: str, _: Any, kwargs: Any) -> None:
        listener.site("tracker")
        given = {key: value for key, value in kwargs.items() if key in ("project", "mode") and isinstance(value, str)}
        listener.observe("tracker", ", ".join(f"{key} {value}" for key, value in sorted(given.items())), tracker)
        if isinstance(kwargs.get("config"), Mapping):
            listener.emit("configuration_given", tracker, kwargs["config"])

    def metrics(_: str, args: Any, kwargs: Any) -> None:
        data, step = _arguments(args, kwargs, ("data", "metrics"), ("step",))
        _observe(listener, data, step)

    def scalar(_: str, args: Any, kwargs: Any) -> None:
        tag, value = _arguments(args[1:], kwargs, ("tag",), ("scalar_value",))
        _observe(listener, {str(tag): value}, _arguments(args[3:], kwargs, ("global_step",))[0])

    def scalars(_: str, args: Any, kwargs: Any) -> None:
        tag, values = _arguments(args[1:], kwargs, ("main_tag",), ("tag_scalar_dict",))
        _observe(listener, {str(tag): values}, _arguments(args[3:], kwargs, ("global_step",))[0])

    listener.on("tracker_init", "trackers", init)
    listener.on("metrics", "trackers", metrics)
    listener.on("metrics_of_run", "trackers", lambda said, args, kwargs: metrics(said, args[1:], kwargs))
    listener.on("scalar", "trackers", scalar)
    listener.on("scalars", "trackers", scalars)


def _arguments(args: Any, kwargs: Mapping[str, Any], *names: tuple[str, ...]) -> list[Any]:
    """Arguments by position or by any of their names, None where they are not given."""
    keyed = [next((kwargs[name] for name in each if name in kwargs), None) for each in names]
    return [args[position] if position < len(args) else value for position, value in enumerate(keyed)]


def _observe(listener: Any, data: Any, step: Any) -> None:
    import torch

    listener.site("metric")
    for name, value in _numbers(data, "", 0):
        if isinstance(value, torch.Tensor):
            listener.observe_scalar("metric", value, name)
        else:
            listener.observe("metric", float(value), name)
        if isinstance(step, numbers.Integral):
            listener.observe("metric_step", int(step), name)
    if listener.stepped:
        listener.flush()


def _numbers(value: Any, name: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Every number, and every tensor of one element, in nested mappings, under its tag."""
    import torch

    if isinstance(value, Mapping) and depth < _DEPTH:
        for key, item in value.items():
            yield from _numbers(item, f"{name}/{key}" if name else str(key), depth + 1)
    elif isinstance(value, numbers.Real) or (isinstance(value, torch.Tensor) and value.numel() == 1):
        yield name, value
