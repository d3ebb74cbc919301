"""Calls of a model without gradients: what it is given, its mode, and the scalars it returns."""

from typing import Any, Final

from ...trace.digests import digest_tensor
from .roots import inputs, kind_of, scalars_in

CHANNELS: Final = ("eval_forwards", "eval_mode", "eval_batch_shape", "eval_batch", "eval_output")
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
            listener.observe("eval_batch", digest_tensor(tensor), str(position))

    def ends(_: Any, output: Any) -> None:
        for position, tensor in enumerate(scalars_in(output)):
            listener.observe_scalar("eval_output", tensor, str(position))

    listener.on("eval_forward", "evaluation", begins)
    listener.on("eval_output", "evaluation", ends)
