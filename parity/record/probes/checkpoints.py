"""Checkpoint writes with an index of their content, seen at ``torch.save``."""

import functools
import os
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ...trace.digests import digest_tensor
from .roots import kind_of

CHANNELS: Final = ("checkpoint_file", "checkpoint_kind", "checkpoint_tensor", "checkpoint_value")
SEAM: Final = "patch of torch.save"
BLIND: Final = "files written without torch.save"
_SEPARATOR: Final = "::"
_DEPTH: Final = 12
_LONGEST: Final = 500


def install(listener: Any) -> None:
    """Observe every successful write and everything in it."""
    import torch

    original = torch.save

    @functools.wraps(original)
    def save(obj: Any, f: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(obj, f, *args, **kwargs)
        listener.emit("saved", obj, f)
        return result

    torch.save = torch.serialization.save = save
    listener.on("saved", "checkpoints", lambda obj, f: _observe(listener, obj, f))


def _observe(listener: Any, obj: Any, target: Any) -> None:
    listener.site("checkpoint")
    path = target if isinstance(target, (str, os.PathLike)) else getattr(target, "name", None)
    file = listener.places.path(path) if isinstance(path, (str, os.PathLike)) else "(in memory)"
    listener.observe("checkpoint_file", 1, file)
    for key, value in _leaves(obj, "", 0):
        name = file + _SEPARATOR + key
        if hasattr(value, "data_ptr"):
            listener.observe("checkpoint_kind", kind_of(value), name)
            if listener.level != "scalars":
                listener.observe("checkpoint_tensor", digest_tensor(value), name)
        else:
            listener.observe("checkpoint_kind", type(value).__name__, name)
            if isinstance(value, (bool, int, float, str, type(None))):
                listener.observe("checkpoint_value", listener.places.neutral(repr(value))[:_LONGEST], name)


def _leaves(value: Any, key: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Every leaf of nested mappings and sequences, with its dotted key."""
    items: Any = None
    if depth < _DEPTH:
        if isinstance(value, Mapping):
            items = value.items()
        elif isinstance(value, (list, tuple)):
            items = enumerate(value)
    if items is None:
        yield key, value
        return
    empty = True
    for name, item in items:
        empty = False
        yield from _leaves(item, f"{key}.{name}" if key else str(name), depth + 1)
    if empty:
        yield key, value
