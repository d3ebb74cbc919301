"""How often learning-rate schedulers are stepped between two updates."""

from typing import Any, Final

from .calls import Family

CHANNELS: Final = ("scheduler_steps",)
SEAM: Final = "patch of step of torch.optim.lr_scheduler.LRScheduler and of every subclass that overrides it"
BLIND: Final = "schedulers of other libraries that do not derive from LRScheduler, and schedules set by hand: see lr"


def install(listener: Any) -> None:
    """Count the calls since the last step; the window before the first update is left out, its start is arbitrary.

    A composite scheduler counts once, and the step that a scheduler takes while it is constructed does not.
    """
    import torch

    counts = {"steps": 0}

    def stepped(scheduler: Any, *_: Any, **__: Any) -> None:
        if not vars(scheduler).get("_is_initial", False):
            listener.emit("scheduler_step")

    def count() -> None:
        counts["steps"] += 1
        if listener.update >= 0:
            listener.site("scheduler")

    def total() -> None:
        if listener.update > 0:
            listener.observe("scheduler_steps", counts["steps"])
        counts["steps"] = 0

    Family().hear_overrides(torch.optim.lr_scheduler.LRScheduler, "step", before=stepped)
    listener.on("scheduler_step", "schedulers", count)
    listener.on("first_step_begins", "schedulers", total)
