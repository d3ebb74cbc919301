"""Sketches of gradients and parameters at scheduled updates, beside the trace."""

from pathlib import Path
from typing import Any, Final

from ...trace.sketches import SUFFIX, Schedule, Sketcher, SketchWriter

CHANNELS: Final = ()
SEAM: Final = "what the probes of gradients and optimizers look at, when they do"
BLIND: Final = "updates written by hand; tensors of other channels"


def install(listener: Any) -> None:
    """Sketch what is digested, in the same order, and write it once the optimizer's step is done."""
    schedule = Schedule.parse(listener.settings.get("sketch", "auto"))
    if listener.level == "scalars" or schedule.kind == "off":
        return
    sketcher = Sketcher()
    pending: list[tuple[str, str, int, Any]] = []
    done: set[int] = set()
    writers: list[SketchWriter] = []

    def keep(channel: str, parameter: Any, tensor: Any) -> None:
        pending.append((channel, listener.parameter_name(parameter), tensor.numel(), sketcher.sketch(tensor)))

    def begin() -> None:
        pending.clear()
        done.clear()

    def gradients(parameters: Any, scale: Any = None) -> None:
        if not schedule.takes(listener.update, listener.limit):
            return
        for parameter in parameters:
            if parameter.grad is not None and id(parameter) not in done:
                done.add(id(parameter))
                grad = parameter.grad.detach()
                keep("gradient", parameter, grad if scale is None else grad * scale.double().reciprocal().float())

    def parameters(optimizer: Any) -> None:
        if not schedule.takes(listener.update, listener.limit):
            return
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                keep("parameter", parameter, parameter)
        if pending:
            writer(listener).add(listener.update, pending)
            pending.clear()

    def writer(listener: Any) -> SketchWriter:
        if not writers:
            trace: Path = listener.path
            writers.append(SketchWriter(trace.with_suffix(SUFFIX), {"trace": trace.name}))
        return writers[0]

    def finish(completed: int) -> None:
        for one in writers:
            one.seal({"updates": completed})

    listener.on("update_begins", "sketching", begin)
    listener.on("gradients_ready", "sketching", gradients)
    listener.on("step_ends", "sketching", parameters)
    listener.on("finish", "sketching", finish)
