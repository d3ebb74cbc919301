"""Calls of a model without gradients: what it is given, its mode, and the scalars it returns."""

from typing import Any, Final

from ...trace.device_digests import digest_soon
from ...trace.digests import digest_tensor
from .roots import inputs, kind_of, scalars_in

CHANNELS: Final = ("eval_forwards", "eval_mode", "eval_batch_shape", "eval_batch", "eval_output", "eval_influence")
SEAM: Final = "a model called while gradients are disabled"
BLIND: Final = "an evaluation that leaves gradients enabled looks like training"


def install(listener: Any) -> None:
    """Observe every evaluation forward under the update it follows."""

    def begins(model: Any, args: Any, kwargs: Any) -> None:
        listener.site("evaluation")
        listener.observe("eval_forwards", 1)
        listener.observe("eval_mode", int(model.training))
        for position, tensor in enumerate(inputs(model, args, kwargs)):
            listener.observe("eval_batch_shape", kind_of(tensor), str(position))
            listener.observe("eval_batch", digest_soon(tensor), str(position))

    def ends(_: Any, output: Any) -> None:
        for position, tensor in enumerate(scalars_in(output)):
            listener.observe_scalar("eval_output", tensor, str(position))

    listener.on("eval_forward", "evaluation", begins)
    listener.on("eval_output", "evaluation", ends)
    _listen_for_influence(listener)


def _listen_for_influence(listener: Any) -> None:
    """See whether train() mode makes a difference: random numbers that a forward draws, buffers that it writes."""
    before: list[tuple[Any, ...]] = []
    said: dict[str, str] = {}

    def begins(model: Any, *_: Any) -> None:
        before[:] = [_state(model)] if model.training else []

    def ends(model: Any, _: Any) -> None:
        if not before:
            return
        drawn, written = (one != other for one, other in zip(before.pop(), _state(model), strict=True))
        parts = (("random numbers drawn", drawn), ("buffers written", written))
        text = ", ".join(what for what, done in parts if done) or "nothing"
        name = listener.roots.prefix(model)
        if said.get(name) != text:
            said[name] = text
            listener.observe("eval_influence", text, name)

    listener.on("eval_forward", "evaluation", begins)
    listener.on("eval_output", "evaluation", ends)


def _state(model: Any) -> tuple[Any, ...]:
    import torch

    versions = [buffer._version for buffer in model.buffers() if not buffer.is_inference()]
    return digest_tensor(torch.get_rng_state()), versions
