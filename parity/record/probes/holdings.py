"""What optimizers hold and what they do with it: gradients used twice, parameters left out, frozen ones kept.

Each is a matter of a look at attributes. Gradients themselves are looked at only where they outlive a step, and in
updates 0, 1, 2, 4, 8 and so on.
"""

import weakref
from typing import Any, Final

from .calls import Family

CHANNELS: Final = ("carried_gradients", "repeated_steps", "unheld_gradient", "trainable")
SEAM: Final = "attributes of parameters when a backward begins and around a step; patch of Optimizer.add_param_group"
BLIND: Final = "updates by hand; gradients that pass from the loss of one optimizer into the parameters of another"


def install(listener: Any) -> None:
    """Observe what is used twice once for each update, and what is left out or frozen when that changes."""
    import torch

    optimizers: weakref.WeakSet[Any] = weakref.WeakSet()
    Family(listener.patches).hear(
        torch.optim.Optimizer,
        "add_param_group",
        after=lambda _, optimizer, *__: listener.emit("group_added", optimizer),
    )
    listener.on("group_added", "holdings", optimizers.add)
    listener.on("step_begins", "holdings", optimizers.add)
    _listen_for_reuse(listener)
    _listen_for_frozen(listener)
    _listen_for_unheld(listener, optimizers)


def _parameters(optimizer: Any) -> list[Any]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _listen_for_reuse(listener: Any) -> None:
    used: weakref.WeakKeyDictionary[Any, set[int]] = weakref.WeakKeyDictionary()
    stepped: set[int] = set()
    counts = {"carried_gradients": 0, "repeated_steps": 0}

    def begin() -> None:
        stepped.clear()
        counts.update(dict.fromkeys(counts, 0))

    def look(_: Any) -> None:
        """Forget the steps whose gradients have been cleared since."""
        if listener.micro_steps == 1 and not listener.stale:
            used.clear()
        for optimizer in list(used):
            left = {id(one) for one in _parameters(optimizer) if one.grad is not None and bool(one.grad.any())}
            if left:
                used[optimizer] = left
            else:
                del used[optimizer]

    def begins(optimizer: Any) -> None:
        left = used.pop(optimizer, None)
        if not left:
            return
        counts["carried_gradients"] += sum(id(one) in left and one.grad is not None for one in _parameters(optimizer))

    def ends(optimizer: Any) -> None:
        used[optimizer] = set()
        # An optimizer that wraps another one steps for it, and gradients may be made without any backward.
        if len(listener._open_steps) <= 1 and listener.micro_steps:
            now = {id(one) for one in _parameters(optimizer) if one.grad is not None}
            counts["repeated_steps"] += len(now & stepped)
            stepped.update(now)

    def total() -> None:
        if listener.update >= 0 and listener.steps and listener.has("backward"):
            for channel, number in counts.items():
                listener.observe(channel, number)

    listener.on("update_begins", "holdings", begin)
    listener.on("backward_begins", "holdings", look)
    listener.on("step_begins", "holdings", begins)
    listener.on("step_ends", "holdings", ends)
    listener.on("update_ends", "holdings", total)


def _listen_for_frozen(listener: Any) -> None:
    """A parameter counts as trainable until it is seen not to be."""
    frozen: weakref.WeakKeyDictionary[Any, set[int]] = weakref.WeakKeyDictionary()

    def begins(optimizer: Any) -> None:
        known = frozen.get(optimizer, set())
        parameters = _parameters(optimizer)
        now = {id(one) for one in parameters if not one.requires_grad}
        if now != known:
            frozen[optimizer] = now
            for one in parameters:
                if (id(one) in now) != (id(one) in known):
                    listener.observe("trainable", int(id(one) not in now), listener.parameter_name(one))

    listener.on("step_begins", "holdings", begins)


def _listen_for_unheld(listener: Any, optimizers: weakref.WeakSet[Any]) -> None:
    said: set[str] = set()

    def ends(_: Any) -> None:
        if listener.update & (listener.update - 1):
            return
        held = {id(one) for optimizer in optimizers for one in _parameters(optimizer)}
        for name, one in listener.roots.parameters():
            if id(one) in held:
                found = False
            elif name in said or not (one.requires_grad and one.is_leaf) or one.grad is None:
                continue
            else:
                found = bool(one.grad.any())
            if found != (name in said):
                said.symmetric_difference_update({name})
                listener.observe("unheld_gradient", int(found), name)

    listener.on("step_ends", "holdings", ends)
