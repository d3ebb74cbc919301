"""How often gradients are cleared between two updates."""

import functools
from typing import Any, Final

CHANNELS: Final = ("zero_grad",)
SEAM: Final = "patch of zero_grad of torch.optim.Optimizer and torch.nn.Module"
BLIND: Final = "gradients set to None by hand; what matters, leftovers, is in stale_gradients"


def install(listener: Any) -> None:
    """Count the calls since the last step; the window before the first update is left out, its start is arbitrary."""
    import torch

    counts = {"calls": 0}

    def wrap(owner: Any) -> None:
        original = owner.zero_grad

        @functools.wraps(original)
        def zero_grad(self: Any, *args: Any, **kwargs: Any) -> Any:
            listener.emit("zero_grad")
            return original(self, *args, **kwargs)

        listener.patches.put(owner, "zero_grad", zero_grad)

    wrap(torch.optim.Optimizer)
    wrap(torch.nn.Module)

    def count() -> None:
        counts["calls"] += 1
        listener.site("zero_grad")

    def total() -> None:
        if listener.update > 0:
            listener.observe("zero_grad", counts["calls"])
        counts["calls"] = 0

    listener.on("zero_grad", "zeroing", count)
    listener.on("first_step_begins", "zeroing", total)
