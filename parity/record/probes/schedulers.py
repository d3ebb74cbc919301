"""How often learning-rate schedulers are stepped between two updates."""

import weakref
from typing import Any, Final

from .calls import Family

CHANNELS: Final = ("scheduler_steps", "scheduler_surplus")
SEAM: Final = "patch of step of torch.optim.lr_scheduler.LRScheduler and of every subclass that overrides it"
BLIND: Final = "schedulers of other libraries that do not derive from LRScheduler, and schedules set by hand: see lr"


def install(listener: Any) -> None:
    """Count the calls since the last step; the window before the first update is left out, its start is arbitrary.

    A composite scheduler counts once, and the step that a scheduler takes while it is constructed does not.
    """
    import torch

    counts = {"steps": 0}

    def stepped(scheduler: Any, *args: Any, **kwargs: Any) -> None:
        if not vars(scheduler).get("_is_initial", False):
            listener.emit("scheduler_step", scheduler, (*args, *kwargs.values()))

    def count(*_: Any) -> None:
        counts["steps"] += 1
        if listener.update >= 0:
            listener.site("scheduler")

    def total() -> None:
        if listener.update > 0:
            listener.observe("scheduler_steps", counts["steps"])
        counts["steps"] = 0

    Family(listener.patches).hear_overrides(torch.optim.lr_scheduler.LRScheduler, "step", before=stepped)
    listener.on("scheduler_step", "schedulers", count)
    listener.on("first_step_begins", "schedulers", total)
    _listen_for_surplus(listener)


def _listen_for_surplus(listener: Any) -> None:
    """Count each scheduler's steps beside those of its optimizer, from the optimizer's first step on.

    What comes before may catch up with a resumed run. A step to a given epoch, or by a given metric, is no count.
    """
    done: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
    asked: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

    def stepped(scheduler: Any, given: tuple[Any, ...]) -> None:
        if not given and vars(scheduler).get("optimizer") in done:
            asked[scheduler] = asked.get(scheduler, 0) + 1

    def ends(optimizer: Any) -> None:
        done[optimizer] = done.get(optimizer, 0) + 1

    def total() -> None:
        ahead = [calls - done.get(scheduler.optimizer, calls) for scheduler, calls in asked.items()]
        if ahead:
            listener.observe("scheduler_surplus", max(ahead))

    listener.on("scheduler_step", "schedulers", stepped)
    listener.on("step_ends", "schedulers", ends)
    listener.on("first_step_begins", "schedulers", total)
