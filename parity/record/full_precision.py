"""Lets a recorded program compute in float32 where it asks for less, so that its noise is small enough to judge by.

Autocast does nothing; a conversion to bfloat16 or float16 becomes one to float32, of tensors and of modules, also as
default type. Weights and data that are stored in low precision, and code that names the type when it creates a tensor,
stay as they are: the report shows the kinds of the parameters. Loaded inside recorded programs: the standard library
only, and torch where it already is.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

CHANNELS: Final = ()


def describe(options: Mapping[str, Any]) -> str:  # noqa: ARG001
    """What is changed in the program, in words."""
    return "computed in float32: autocast off, conversions to bfloat16 and float16 redirected"


def install(listener: Any, options: Mapping[str, Any]) -> None:  # noqa: ARG001
    """Patch autocast and every conversion to a lower precision."""
    import torch

    low = {torch.bfloat16: torch.float32, torch.float16: torch.float32}

    def raised(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def convert(*args: Any, **kwargs: Any) -> Any:
            kept = [low.get(one, one) if isinstance(one, torch.dtype) else one for one in args]
            named = {key: low.get(one, one) if isinstance(one, torch.dtype) else one for key, one in kwargs.items()}
            return original(*kept, **named)

        return convert

    for owner in (torch.Tensor, torch.nn.Module):
        for name in ("to", "type"):
            setattr(owner, name, raised(getattr(owner, name)))
        for name in ("bfloat16", "half"):
            setattr(owner, name, owner.float)
    torch.set_default_dtype = raised(torch.set_default_dtype)
    _switch_off_autocast(torch.amp.autocast_mode.autocast)


def _switch_off_autocast(autocast: Any) -> None:
    original = autocast.__init__

    @functools.wraps(original)
    def initialise(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self._enabled = False

    autocast.__init__ = initialise
