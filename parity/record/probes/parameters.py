"""The inventory of a model when it is first called: kinds, content, tied storages; and what changes it later."""

import weakref
from typing import Any, Final

from ...trace.device_digests import digest_soon
from .roots import kind_of
from .samples import mark

CHANNELS: Final = (
    "parameter_kind",
    "parameter_initial",
    "parameter_outside",
    "buffer_initial",
    "tied_storage",
    "buffer",
)
SEAM: Final = "first call of a model; for one that is never called as a module, the objects that the interpreter knows"
BLIND: Final = (
    "copies that are never called as modules; writes to them through .data on an accelerator; a buffer that its module "
    "replaces, as long as something else keeps the one before"
)


def install(listener: Any) -> None:
    """Observe each model once, what it gains later, and after every update its buffers and what else has changed."""
    steppers: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

    listener.on("named", "parameters", lambda named: _observe_new(listener, named))
    if listener.level != "scalars":
        listener.on("step_ends", "parameters", lambda optimizer: _observe_step(listener, optimizer, steppers))
        listener.on("updated_by_hand", "parameters", lambda: _observe_all(listener))
        listener.on("update_ends", "parameters", lambda: _observe_outside(listener))


def _observe_new(listener: Any, tensors: list[tuple[str, Any, bool]]) -> None:
    first_name: dict[int, str] = {}
    for name, tensor, is_parameter in tensors:
        if not is_parameter:
            if name in listener.buffers:  # another one in its place: a change, which is seen after the update
                continue
            listener.observe("buffer_initial", digest_soon(tensor), name)
            listener.buffers[name] = mark(tensor)
            continue
        trainable = "" if tensor.requires_grad else " frozen"
        listener.marks[name] = mark(tensor)
        listener.observe("parameter_kind", kind_of(tensor) + trainable, name)
        listener.observe("parameter_initial", digest_soon(tensor), name)
        owner = first_name.setdefault(id(tensor), name)
        if owner != name:
            listener.observe("tied_storage", owner, name)


def _observe_buffers(listener: Any) -> None:
    """Buffers that have changed; most are constants, and large. Kernels of normalisation move no version counter."""
    changed: list[tuple[str, Any, str]] = []
    for name, tensor in _buffers(listener).items():
        if listener.buffers[name] != (now := mark(tensor)):
            listener.buffers[name] = now
            changed.append(("buffer", tensor, name))
    listener.observe_tensors(changed)


def _buffers(listener: Any) -> dict[str, Any]:
    """The buffers by name. One that is gone was replaced by another in its module, or for good."""
    found = {name: tensor for name, tensor in listener.roots.tensors() if name in listener.buffers}
    if len(found) < len(listener.buffers):
        new = listener.roots.refresh()
        _observe_new(listener, [one for one in new if one[0] not in listener.buffers])
        found |= {name: tensor for name, tensor, _ in new if name in listener.buffers}
        for name in listener.buffers.keys() - found.keys():
            del listener.buffers[name]
    return found


def _observe_step(listener: Any, optimizer: Any, known: weakref.WeakKeyDictionary[Any, int]) -> None:
    """Leave what an optimizer holds to its own probe, and look at the buffers."""
    held = sum(len(group["params"]) for group in optimizer.param_groups)
    if known.get(optimizer) != held:
        known[optimizer] = held
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                listener.marks[listener.parameter_name(parameter)] = None
    _observe_buffers(listener)


def _observe_all(listener: Any) -> None:
    """After an update by hand nobody says which parameters took part."""
    trained: list[tuple[str, Any, str]] = []
    for name, tensor in listener.roots.parameters():
        listener.marks[name] = None
        if tensor.requires_grad:
            trained.append(("parameter", tensor, name))
    listener.observe_tensors(trained)
    _observe_buffers(listener)


def _observe_outside(listener: Any) -> None:
    """What no optimizer holds and yet has changed in this update: an average, a target network."""
    free = [name for name, known in listener.marks.items() if known is not None]
    if not free:
        return
    tensors = dict(listener.roots.parameters())
    changed: list[tuple[str, Any, str]] = []
    for name in free:
        tensor = tensors.get(name)
        if tensor is not None and listener.marks[name] != (now := mark(tensor)):
            listener.marks[name] = now
            changed.append(("parameter_outside", tensor, name))
    listener.observe_tensors(changed)
