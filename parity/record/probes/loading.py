"""Weights that are loaded into a model: whether parameters that shared one storage before still do afterwards."""

import weakref
from collections import Counter
from typing import Any, Final

from .calls import Family

CHANNELS: Final = ("weights_loaded",)
SEAM: Final = "patch of torch.nn.Module.load_state_dict; looked at when the next model is called"
BLIND: Final = "weights loaded by other means, and all but the first loads of each class of module"
_MOST_LOADS: Final = 16

Ties = list[tuple[str, str]]


def install(listener: Any) -> None:
    """Observe, by class of module, what was tied before its weights were loaded and is not when training goes on."""
    import torch

    loads: Counter[str] = Counter()
    said: dict[str, str] = {}
    ties: Ties = []
    pending: list[tuple[weakref.ref[Any], Ties]] = []

    def begins(module: Any) -> None:
        loads[type(module).__name__] += 1
        ties[:] = _ties(module) if loads[type(module).__name__] <= _MOST_LOADS else []

    def ends(module: Any) -> None:
        if loads[type(module).__name__] <= _MOST_LOADS:
            pending.append((weakref.ref(module), list(ties)))

    def look(*_: Any) -> None:
        # Only now: a program may tie them again itself.
        for reference, known in pending:
            module = reference()
            if module is not None:
                tell(type(module).__name__, _broken(module, known))
        pending.clear()

    def tell(kind: str, broken: str) -> None:
        if said.get(kind) != broken:
            said[kind] = broken
            listener.observe("weights_loaded", broken, kind)

    Family(listener.patches).hear(
        torch.nn.Module,
        "load_state_dict",
        before=lambda module, *_, **__: listener.emit("weights_loading", module),
        after=lambda _, module, *__, **___: listener.emit("weights_loaded", module),
    )
    listener.on("weights_loading", "loading", begins)
    listener.on("weights_loaded", "loading", ends)
    listener.on("training_forward", "loading", look)
    listener.on("eval_forward", "loading", look)


def _ties(module: Any) -> Ties:
    """Pairs of names that mean one parameter."""
    first: dict[int, str] = {}
    named = list(module.named_parameters(remove_duplicate=False))
    return [(name, first[id(one)]) for name, one in named if first.setdefault(id(one), name) != name]


def _broken(module: Any, ties: Ties) -> str:
    now = dict(module.named_parameters(remove_duplicate=False))
    apart = [f"{name} and {owner}" for name, owner in ties if now.get(name) is not now.get(owner)]
    return ", ".join(apart)
