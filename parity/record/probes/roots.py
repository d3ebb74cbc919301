"""Root modules: the models that a program calls, and names for their parameters."""

import functools
import inspect
import weakref
from collections.abc import Iterator, Mapping
from typing import Any, Final

_WRAPPERS: Final = frozenset({"OptimizedModule", "DistributedDataParallel", "DataParallel"})


class Roots:
    """Every model seen so far and the names of its parameters and buffers.

    The first model's parameters keep their own names; those of further models get the class name and a number as
    prefix. A part of a known model, or a wrapper around one, is not a further model.
    """

    def __init__(self) -> None:
        self._names: dict[int, tuple[weakref.ref[Any], str, bool]] = {}
        self._holders: dict[str, int] = {}
        self._kinds: weakref.WeakKeyDictionary[Any, bool] = weakref.WeakKeyDictionary()
        self._prefixes: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self._count = 0

    def is_model(self, module: Any) -> bool:
        """Whether ``module`` has parameters: a loss or an activation called on its own is no model."""
        known = self._kinds.get(module)
        if known is None:
            known = self._kinds[module] = next(iter(module.parameters()), None) is not None
        return known

    def register(self, module: Any) -> list[tuple[str, Any, bool]]:
        """Name what is new in ``module`` when it is first seen; return ``(name, tensor, is a parameter)`` of it."""
        if module in self._prefixes:
            return []
        return self._name_new(module)

    def refresh(self) -> list[tuple[str, Any, bool]]:
        """Name what known models have gained since they were first seen: layers added, parameters replaced."""
        return [new for module in list(self._prefixes) for new in self._name_new(module)]

    def _name_new(self, module: Any) -> list[tuple[str, Any, bool]]:
        tensors = [(name, tensor, True) for name, tensor in module.named_parameters(remove_duplicate=False)]
        tensors += [(name, tensor, False) for name, tensor in module.named_buffers(remove_duplicate=False)]
        fresh = {id(tensor) for _, tensor, _ in tensors if self.name(tensor) is None}
        if module not in self._prefixes:
            unknown = len(fresh) == len({id(tensor) for _, tensor, _ in tensors})
            self._prefixes[module] = self._prefix(module, first_seen=unknown)
        prefix = self._prefixes[module]
        new = []
        for name, tensor, is_parameter in tensors:
            if id(tensor) in fresh:
                if self.name(tensor) is None:
                    self._give(prefix + name, tensor, is_parameter=is_parameter)
                new.append((prefix + name, tensor, is_parameter))
        return new

    def _give(self, name: str, tensor: Any, *, is_parameter: bool) -> None:
        """Name ``tensor``; one that had this name before has been replaced in its module."""
        self._names.pop(self._holders.get(name, -1), None)
        self._holders[name] = id(tensor)
        # A parameter made in inference mode has no version, and nothing can train it.
        self._names[id(tensor)] = (weakref.ref(tensor), name, is_parameter and not tensor.is_inference())

    def _prefix(self, module: Any, *, first_seen: bool) -> str:
        if first_seen:
            self._count += 1
            return f"{type(module).__name__}#{self._count - 1}." if self._count > 1 else ""
        known = next((self.name(tensor), name) for name, tensor in module.named_parameters() if self.name(tensor))
        full, own = known
        return full[: len(full) - len(own)] if full is not None and full.endswith(own) else ""

    def name(self, tensor: Any) -> str | None:
        """The name of a known parameter or buffer, or None."""
        entry = self._names.get(id(tensor))
        return entry[1] if entry is not None and entry[0]() is tensor else None

    def tensors(self) -> Iterator[tuple[str, Any]]:
        """Name and tensor of everything known that is still alive."""
        for reference, name, _ in list(self._names.values()):
            tensor = reference()
            if tensor is not None:
                yield name, tensor

    def versions(self) -> dict[int, int]:
        """How often each known parameter was changed in place, by identity; writes through ``.data`` are not."""
        return {
            key: tensor._version
            for key, (reference, _, is_parameter) in self._names.items()
            if is_parameter and (tensor := reference()) is not None
        }

    def prefix(self, module: Any) -> str:
        """What the names of a known module's parameters begin with."""
        return self._prefixes.get(module, "")

    def parameters(self) -> Iterator[tuple[str, Any]]:
        """Name and tensor of every known parameter that is still alive."""
        for reference, name, is_parameter in list(self._names.values()):
            tensor = reference() if is_parameter else None
            if tensor is not None:
                yield name, tensor


def inputs(module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
    """All tensors passed to ``module``, in the order of its forward's signature, however they were passed."""
    if not kwargs:
        return list(tensors_in(args))
    inner = module
    while type(inner).__name__ in _WRAPPERS:
        inner = getattr(inner, "_orig_mod", None) or inner.module
    try:
        bound = _signature(type(inner).forward).bind(inner, *args, **kwargs)
    except (TypeError, ValueError):
        return list(tensors_in([*args, *kwargs.values()]))
    return list(tensors_in(list(bound.arguments.values())[1:]))


@functools.lru_cache(maxsize=64)
def _signature(function: Any) -> inspect.Signature:
    return inspect.signature(function)


def tensors_in(value: Any, depth: int = 0) -> Iterator[Any]:
    """Every tensor in nested sequences, mappings and dataclass-like objects, at most six levels deep."""
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif depth < 6:
        if isinstance(value, Mapping):
            for item in value.values():
                yield from tensors_in(item, depth + 1)
        elif isinstance(value, (list, tuple)):
            for item in value:
                yield from tensors_in(item, depth + 1)
        elif hasattr(value, "__dataclass_fields__"):
            for field in value.__dataclass_fields__:
                yield from tensors_in(getattr(value, field, None), depth + 1)


def kind_of(tensor: Any) -> str:
    """Dtype and shape of a tensor, such as ``float32[64, 32]``."""
    return f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"


def scalars_in(output: Any) -> list[Any]:
    """One-element floating tensors in a model's output, in order."""
    return [tensor for tensor in tensors_in(output) if tensor.numel() == 1 and tensor.is_floating_point()]
