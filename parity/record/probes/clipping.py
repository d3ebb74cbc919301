"""Gradient clipping: how often, to what limit, and the norm that was measured."""

import functools
import inspect
from typing import Any, Final

CHANNELS: Final = ("clip_calls", "clip_limit", "clip_norm")
SEAM: Final = "patch of torch.nn.utils.clip_grad_norm_ and clip_grad_value_"
BLIND: Final = "clipping written by hand"


def install(listener: Any) -> None:
    """Observe every clip, and their number when the step begins."""
    import torch

    module = torch.nn.utils.clip_grad
    listener.clips = 0

    def wrap(name: str, limit_name: str, *, measures: bool) -> None:
        original = getattr(module, name)
        signature = inspect.signature(original)

        @functools.wraps(original)
        def clip(*args: Any, **kwargs: Any) -> Any:
            if torch.compiler.is_compiling():
                return original(*args, **kwargs)
            given = signature.bind(*args, **kwargs).arguments
            parameters, limit = given["parameters"], given[limit_name]
            # A generator can be read only once.
            given["parameters"] = [parameters] if isinstance(parameters, torch.Tensor) else list(parameters)
            listener.emit("gradients_ready", given["parameters"])
            listener.emit("clip_begins", given["parameters"])
            is_norm = measures and given.get("norm_type", 2.0) == 2.0
            if not is_norm:
                listener.emit("gradient_norm", None)
            result = original(**given)
            if is_norm:
                listener.emit("gradient_norm", result)
            listener.emit("clipped", limit, result if measures else None)
            return result

        listener.patches.put(module, name, clip)
        listener.patches.put(torch.nn.utils, name, clip)

    wrap("clip_grad_norm_", "max_norm", measures=True)
    wrap("clip_grad_value_", "clip_value", measures=False)

    def begin() -> None:
        listener.clips = 0

    def observe(limit: Any, norm: Any) -> None:
        listener.clips += 1
        listener.site("clip")
        listener.observe("clip_limit", float(limit))
        if norm is not None:
            listener.observe_scalar("clip_norm", norm)

    listener.on("update_begins", "clipping", begin)
    listener.on("clipped", "clipping", observe)
    listener.on("first_step_begins", "clipping", lambda: listener.observe("clip_calls", listener.clips))
