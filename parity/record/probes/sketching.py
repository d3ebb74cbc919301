"""Sketches of what is digested, at scheduled updates, beside the trace."""

from pathlib import Path
from typing import Any, Final

from ...trace.sketches import SUFFIX, Schedule, Sketcher, SketchWriter

CHANNELS: Final = ()
SEAM: Final = "the tensors that other probes digest, when they do"
BLIND: Final = "gradients of updates by hand; but for first:N, tensors that are neither gradients nor parameters"
_USUAL: Final = frozenset({"gradient", "parameter"})


def install(listener: Any) -> None:
    """Sketch tensors in the order of their digests; write them once a step is done, and the rest with the update.

    Only ``first:N`` asks for every tensor: whoever measures noise has to know how far each is from its counterpart.
    """
    schedule = Schedule.parse(listener.settings.get("sketch", "auto"))
    if listener.level == "scalars" or schedule.kind == "off":
        return
    sketcher = Sketcher()
    pending: list[tuple[str, str, int, Any]] = []
    writers: list[SketchWriter] = []

    def begin() -> None:
        pending.clear()
        listener.sketching = schedule.takes(listener.update, listener.limit)

    def keep(channel: str, tensor: Any, name: str) -> None:
        if schedule.kind == "first" or channel in _USUAL:
            pending.append((channel, name, tensor.numel(), sketcher.sketch(tensor)))

    def write(*_: Any) -> None:
        if pending:
            writer().add(listener.update, pending)
            pending.clear()

    def writer() -> SketchWriter:
        if not writers:
            trace: Path = listener.path
            writers.append(SketchWriter(trace.with_suffix(SUFFIX), {"trace": trace.name}))
        return writers[0]

    def finish(completed: int) -> None:
        for one in writers:
            one.seal({"updates": completed})

    listener.on("update_begins", "sketching", begin)
    listener.on("tensor", "sketching", keep)
    listener.on("step_ends", "sketching", write)
    listener.on("update_ends", "sketching", write)
    listener.on("finish", "sketching", finish)
