"""The inventory of a model when it is first called: kinds, initial content, tied storages."""

from typing import Any, Final

from ...trace.digests import digest_tensor
from .roots import kind_of

CHANNELS: Final = ("parameter_kind", "parameter_initial", "buffer_initial", "tied_storage", "buffer")
SEAM: Final = "first call of a model"
BLIND: Final = "parameters of a model that is never called as a module"


def install(listener: Any) -> None:
    """Observe each model once, what it gains later, and its buffers after every update."""

    def parameter_name(parameter: Any) -> str:
        name = listener.roots.name(parameter)
        if name is None:
            _observe_new(listener, listener.roots.refresh())
            name = listener.roots.name(parameter)
        return name or f"unnamed {kind_of(parameter)}"

    listener.parameter_name = parameter_name
    listener.on("model", "parameters", lambda model: _observe_new(listener, listener.roots.register(model)))
    if listener.level != "scalars":
        listener.on("step_ends", "parameters", lambda _: _observe_buffers(listener))
    listener.buffers = {}


def _observe_new(listener: Any, tensors: list[tuple[str, Any, bool]]) -> None:
    first_name: dict[int, str] = {}
    for name, tensor, is_parameter in tensors:
        if not is_parameter:
            listener.observe("buffer_initial", digest_tensor(tensor), name)
            listener.buffers[name] = tensor._version
            continue
        trainable = "" if tensor.requires_grad else " frozen"
        listener.observe("parameter_kind", kind_of(tensor) + trainable, name)
        listener.observe("parameter_initial", digest_tensor(tensor), name)
        owner = first_name.setdefault(id(tensor), name)
        if owner != name:
            listener.observe("tied_storage", owner, name)


def _observe_buffers(listener: Any) -> None:
    """Buffers whose version counter moved; most are constants, and large."""
    for name, tensor in listener.roots.tensors():
        if name in listener.buffers and tensor._version != listener.buffers[name]:
            listener.buffers[name] = tensor._version
            listener.observe("buffer", digest_tensor(tensor), name)
