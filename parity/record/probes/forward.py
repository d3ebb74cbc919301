"""Calls of the program's models, seen at ``nn.Module.__call__``.

A depth counter picks the outermost call. Global module hooks would do the same, but break the graphs of torch.compile.
"""

import functools
import threading
from typing import Any, Final

from .roots import Roots, scalars_in

CHANNELS: Final = ("train_mode", "output")
SEAM: Final = "patch of torch.nn.Module.__call__"
BLIND: Final = "a model called inside a compiled lambda; functional_call"


def install(listener: Any) -> None:
    """Emit ``root``, ``training_forward``, ``training_output``, ``eval_forward`` and ``eval_output``."""
    import torch

    roots = listener.roots = Roots()
    original = torch.nn.Module.__call__
    local = threading.local()

    @functools.wraps(original)
    def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
        if getattr(local, "depth", 0) or torch.compiler.is_compiling():
            return original(self, *args, **kwargs)
        local.depth = 1
        try:
            if listener.in_backward or not roots.is_model(self):
                return original(self, *args, **kwargs)
            training = torch.is_grad_enabled()
            _begin(listener, self, args, kwargs, training=training)
            output = original(self, *args, **kwargs)
            listener.emit("training_output" if training else "eval_output", self, output)
        finally:
            local.depth = 0
        return output

    torch.nn.Module.__call__ = __call__  # type: ignore[method-assign]
    listener.on("training_forward", "forward", lambda model, *_: _observe_mode(listener, model))
    listener.on("training_output", "forward", lambda _, output: _observe_output(listener, output))


def _begin(listener: Any, model: Any, args: Any, kwargs: Any, *, training: bool) -> None:
    listener.check_limit()
    listener.emit("model", model)
    if training:
        listener.training_event()
    listener.emit("training_forward" if training else "eval_forward", model, args, kwargs)


def _observe_mode(listener: Any, model: Any) -> None:
    listener.site("forward")
    listener.observe("train_mode", int(model.training))


def _observe_output(listener: Any, output: Any) -> None:
    for position, tensor in enumerate(scalars_in(output)):
        listener.observe_scalar("output", tensor, str(position))
