"""Checkpoint writes with an index of their content."""

import functools
import os
from typing import Any, Final

from ...trace.digests import digest_bytes
from .calls import Family
from .leaves import is_long, leaves
from .roots import kind_of

CHANNELS: Final = (
    *("checkpoint_file", "checkpoint_kind", "checkpoint_tensor", "checkpoint_value"),
    "checkpoint_moved",
)
SEAM: Final = (
    "patch of torch.save, and of save and save_file of safetensors.torch and save, async_save and save_state_dict of "
    "torch.distributed.checkpoint once the program imports them; audit event os.rename, by which it is moved"
)
BLIND: Final = "files written by other means; what an object of another class holds"
_SEPARATOR: Final = "::"
_LONGEST: Final = 500
_MEMORY: Final = "(in memory)"
_CONTENT: Final = ("obj", "tensors", "state_dict")


def install(listener: Any) -> None:
    """Observe every successful write and everything in it; a write that is part of another one is not told apart."""
    import torch

    family = Family(listener.patches)

    def hear(owner: Any, name: str, target: str | None) -> None:
        """Hear a function whose first argument is the content and whose second, or keyword, is ``target``."""

        def saved(_: Any, *args: Any, **kwargs: Any) -> None:
            content = args[0] if args else next((kwargs[key] for key in _CONTENT if key in kwargs), None)
            place = args[1] if target and len(args) > 1 else kwargs.get(target or "")
            listener.emit("saved", content, place if place is not None else kwargs.get("storage_writer"))

        family.hear(owner, name, after=saved)

    def safetensors(module: Any) -> None:
        hear(module, "save_file", "filename")
        hear(module, "save", None)

    def distributed(module: Any) -> None:
        for name, target in (("save", "checkpoint_id"), ("async_save", "checkpoint_id"), ("save_state_dict", "")):
            hear(module.state_dict_saver, name, target)
            listener.patches.put(module, name, getattr(module.state_dict_saver, name))

    hear(torch.serialization, "save", "f")
    listener.patches.put(torch, "save", torch.serialization.save)
    listener.imports.after("safetensors.torch", "checkpoints", safetensors)
    listener.imports.after("torch.distributed.checkpoint", "checkpoints", distributed)
    listener.on("saved", "checkpoints", functools.partial(_observe, listener))
    _hear_moves(listener)


def _hear_moves(listener: Any) -> None:
    """Observe that a file, or a directory, is moved once it has been saved."""
    saved: dict[str, str] = {}

    def remember(_: Any, target: Any) -> None:
        path = _path(target)
        if path is not None:
            saved[os.path.abspath(os.fsdecode(path))] = _file(listener, target)

    def moved(source: str) -> None:
        for path in [one for one in saved if one == source or one.startswith(source + os.sep)]:
            listener.observe("checkpoint_moved", 1, saved.pop(path))

    def hook(event: str, args: Any) -> None:
        if event == "os.rename" and saved and isinstance(args[0], (str, bytes, os.PathLike)):
            listener.emit("moved", os.path.abspath(os.fsdecode(args[0])))

    listener.on("saved", "checkpoints", remember)
    listener.on("moved", "checkpoints", moved)
    listener.patches.audit(hook)


def _observe(listener: Any, content: Any, target: Any) -> None:
    file = _file(listener, target)
    if file == _MEMORY and _is_storage(content):  # a tensor is pickled, to be copied or sent to another rank
        return
    listener.site("checkpoint")
    listener.observe("checkpoint_file", 1, file)
    for key, value in leaves(content):
        _observe_leaf(listener, value, file + _SEPARATOR + key)


def _file(listener: Any, target: Any) -> str:
    path = _path(target)
    return _MEMORY if path is None else str(listener.places.path(path))


def _path(target: Any) -> Any:
    """The path of what ``torch.save`` or its like was given: a path, an open file, a storage writer, or nothing."""
    places = (target, getattr(target, "name", None), getattr(target, "path", None))
    return next((path for path in places if isinstance(path, (str, os.PathLike))), None)


def _observe_leaf(listener: Any, value: Any, name: str) -> None:
    if (hasattr(value, "data_ptr") and not _is_storage(value)) or _is_array(value):
        listener.observe("checkpoint_kind", kind_of(value), name)
        if listener.level != "scalars" and _is_array(value):
            listener.observe("checkpoint_tensor", _digest_array(value), name)
        elif listener.level != "scalars":
            listener.observe_tensor("checkpoint_tensor", value, name)
    elif is_long(value):
        listener.observe("checkpoint_kind", f"{type(value).__name__} of {len(value)}", name)
        if listener.level != "scalars":
            listener.observe("checkpoint_tensor", digest_bytes(repr(value).encode()), name)
    else:
        listener.observe("checkpoint_kind", type(value).__name__, name)
        if isinstance(value, (bool, int, float, str, type(None), os.PathLike)):
            text = os.fspath(value) if isinstance(value, os.PathLike) else value
            listener.observe("checkpoint_value", listener.places.neutral(repr(text))[:_LONGEST], name)


def _is_storage(value: Any) -> bool:
    return type(value).__name__.endswith("Storage") and hasattr(value, "data_ptr")


def _is_array(value: Any) -> bool:
    return type(value).__module__ == "numpy" and type(value).__name__ == "ndarray" and not value.dtype.hasobject


def _digest_array(array: Any) -> int:
    return digest_bytes(array if array.flags.c_contiguous and array.dtype.kind in "biufc" else array.tobytes())
