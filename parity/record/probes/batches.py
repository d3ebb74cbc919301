"""What a training forward is given: shapes, content, amount."""

from typing import Any, Final

from ...trace.device_digests import digest_soon
from .roots import inputs, kind_of

CHANNELS: Final = ("batch_shape", "batch", "tokens", "micro_steps")
SEAM: Final = "arguments of the model"
BLIND: Final = "targets that never pass through the model: see losses"

_OF_A_FORWARD: Final = ["batch", "batch_shape", "tokens", "train_mode", "output", "rng"]


def install(listener: Any) -> None:
    """Observe every training batch, and their sum when the first step of the update begins."""
    amounts = {"tokens": 0, "forwards": 0}
    unheard: list[bool] = []

    def begin() -> None:
        amounts.update(tokens=0, forwards=0)

    def batch(model: Any, args: Any, kwargs: Any) -> None:
        amounts["forwards"] += 1
        for position, tensor in enumerate(inputs(model, args, kwargs)):
            if position == 0:
                amounts["tokens"] += tensor.numel()
            listener.observe("batch_shape", kind_of(tensor), str(position))
            listener.observe("batch", digest_soon(tensor), str(position))

    def total() -> None:
        if listener.has("backward"):
            listener.observe("micro_steps", listener.micro_steps)
        if amounts["forwards"]:
            listener.observe("tokens", amounts["tokens"])
        elif not unheard:
            unheard.append(True)
            listener.note({"blind": "updates without a call of a model that could be seen", "channels": _OF_A_FORWARD})

    listener.on("update_begins", "batches", begin)
    listener.on("training_forward", "batches", batch)
    listener.on("first_step_begins", "batches", total)
