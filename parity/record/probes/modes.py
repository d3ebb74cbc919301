"""When the program switches a module between training and evaluation."""

from typing import Any, Final

from .calls import Family

CHANNELS: Final = ("mode_switch",)
SEAM: Final = "patch of torch.nn.Module.train, which eval() calls; calls on the parts of a module count with it"
BLIND: Final = (
    "the attribute training set by hand, switches in a compiled graph: train_mode and eval_mode show the result"
)


def install(listener: Any) -> None:
    """Observe every switch in order, by the class of the module that it was asked of."""
    import torch

    def switched(module: Any, *args: Any, **kwargs: Any) -> None:
        listener.emit("mode_switched", type(module).__name__, (*args, *kwargs.values()))

    def observe(kind: str, given: tuple[Any, ...]) -> None:
        listener.site("mode")
        listener.observe("mode_switch", "train" if not given or given[0] else "eval", kind)

    Family(listener.patches).hear(torch.nn.Module, "train", before=switched)
    listener.on("mode_switched", "modes", observe)
