"""Calls of the program's models, seen at ``nn.Module.__call__``.

A mark of the thread picks the outermost call. Global module hooks would do the same, but break the graphs that
torch.compile captures.
"""

import functools
import sys
import threading
from types import FrameType
from typing import Any, Final

from .roots import scalars_in

CHANNELS: Final = ("train_mode", "output")
SEAM: Final = "patch of torch.nn.Module.__call__"
BLIND: Final = "a model called inside a compiled lambda or under a torch.func transform; calls of model.forward itself"
_FRAMES: Final = 4


class Call:
    """One call of a model. Who hears of it may put other arguments, and then another output, in their place."""

    __slots__ = ("args", "kwargs", "output")

    def __init__(self, args: Any, kwargs: Any) -> None:
        self.args, self.kwargs = args, kwargs
        self.output: Any = None


def install(listener: Any) -> None:
    """Emit ``model``, ``training_forward``, ``training_output``, ``eval_forward`` and ``eval_output``.

    ``model_called`` and ``model_returned`` follow when everything was observed, with the ``Call``.
    """
    import torch

    roots = listener.roots
    is_compiling = torch.compiler.is_compiling
    listener.transformed = 0
    original = torch.nn.Module.__call__
    local = threading.local()

    @functools.wraps(original)
    def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
        # Asked first: what follows is then neither traced nor guarded on by torch.compile.
        if is_compiling() or getattr(local, "deep", False):
            return original(self, *args, **kwargs)
        if listener.in_backward or not roots.is_model(self):
            return original(self, *args, **kwargs)
        local.deep = True
        try:
            kind = _begin(listener, self, args, kwargs)
            call = Call(args, kwargs)
            if kind:
                listener.emit("model_called", kind, self, call)
            call.output = original(self, *call.args, **call.kwargs)
            if kind:
                listener.emit(f"{kind}_output", self, call.output)
                listener.emit("model_returned", kind, self, call)
        finally:
            local.deep = False
        return call.output

    listener.patches.put(torch.nn.Module, "__call__", __call__)
    listener.on("training_forward", "forward", lambda model, *_: _observe_mode(listener, model))
    listener.on("training_output", "forward", lambda _, output: _observe_output(listener, output))
    listener.on("finish", "forward", lambda _: _confess(listener))


def _begin(listener: Any, model: Any, args: Any, kwargs: Any) -> str:
    """Tell of a call that is about to be made: ``training``, ``eval``, or nothing where it is not to be heard."""
    import torch

    if torch._C._functorch.peek_interpreter_stack() is not None:
        listener.transformed += 1
        return ""
    training = torch.is_grad_enabled() or _is_checkpointed()
    listener.check_limit()
    listener.settle()
    listener.emit("model", model)
    if training and not listener.training_event():
        return ""
    listener.emit("training_forward" if training else "eval_forward", model, args, kwargs)
    return "training" if training else "eval"


def _is_checkpointed() -> bool:
    """Whether this is the first pass of a re-entrant activation checkpoint, which disables gradients for it."""
    frame: FrameType | None = sys._getframe(2)
    for _ in range(_FRAMES):
        if frame is None or frame.f_code.co_qualname == "CheckpointFunction.forward":
            return frame is not None
        frame = frame.f_back
    return False


def _observe_mode(listener: Any, model: Any) -> None:
    listener.site("forward")
    listener.observe("train_mode", int(model.training))


def _observe_output(listener: Any, output: Any) -> None:
    for position, tensor in enumerate(scalars_in(output)):
        listener.observe_scalar("output", tensor, str(position))


def _confess(listener: Any) -> None:
    if listener.transformed:
        calls = f"{listener.transformed} calls of a model under torch.func transforms"
        listener.note(
            {"blind": calls, "channels": ["batch", "tokens", "loss", "gradient", "update_inferred", "parameter"]}
        )
