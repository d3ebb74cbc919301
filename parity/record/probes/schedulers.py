"""How often learning-rate schedulers are stepped between two updates."""

import functools
from typing import Any, Final

CHANNELS: Final = ("scheduler_steps",)
SEAM: Final = "patch of torch.optim.lr_scheduler.LRScheduler.step"
BLIND: Final = "schedulers that override step, and schedules that set the learning rate by hand"


def install(listener: Any) -> None:
    """Count the calls since the last step; the window before the first update is left out, its start is arbitrary."""
    import torch

    scheduler = torch.optim.lr_scheduler.LRScheduler
    original = scheduler.step
    counts = {"steps": 0}

    @functools.wraps(original)
    def step(self: Any, *args: Any, **kwargs: Any) -> Any:
        listener.emit("scheduler_step")
        return original(self, *args, **kwargs)

    scheduler.step = step  # type: ignore[method-assign]

    def count() -> None:
        counts["steps"] += 1
        if listener.update >= 0:
            listener.site("scheduler")

    def total() -> None:
        if listener.update > 0:
            listener.observe("scheduler_steps", counts["steps"])
        counts["steps"] = 0

    listener.on("scheduler_step", "schedulers", count)
    listener.on("first_step_begins", "schedulers", total)
