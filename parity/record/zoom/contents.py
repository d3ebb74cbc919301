"""What is written down of a tensor, a module and an operation. No tensor is kept."""

from collections.abc import Iterator
from typing import Any, Final

from ...trace.digests import digest_tensor

_LONGEST: Final = 80
_PLAIN: Final = (bool, int, float, str)
_UNSEEN: Final = frozenset({"training", "call_super_init", "dump_patches"})
_UNREAD: Final = frozenset(
    {"bernoulli_", "uniform_", "normal_", "exponential_", "random_", "log_normal_", "geometric_", "cauchy_"}
    | {"fill_", "zero_", "copy_"}
)


def identity(tensor: Any) -> str:
    """Digest of a tensor's content; a word where it has none that can be read."""
    try:
        return f"{digest_tensor(tensor):016x}"
    except Exception:
        return f"unreadable {type(tensor).__name__}"


def content(tensor: Any) -> list[Any]:
    """Digest, dtype with shape, and the norm of a floating tensor."""
    import torch

    kind = f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"
    norm = None
    if tensor.is_floating_point() and tensor.layout is torch.strided and tensor.numel():
        norm = float(torch.linalg.vector_norm(tensor.detach().float()))
    return [identity(tensor), kind, norm if norm is None or norm < float("inf") else None]


def listed(value: Any) -> list[list[Any]]:
    """The content of every tensor in ``value``."""
    return [content(tensor) for tensor in tensors(value)]


def parameter(tensor: Any) -> dict[str, Any]:
    """A parameter or buffer, and a matrix's transpose."""
    found: dict[str, Any] = {"tensor": content(tensor)}
    if tensor.dim() == 2:
        found["transposed"] = identity(tensor.detach().t())
    return found


def arguments(module: Any) -> str:
    """What a module says about itself, and its attributes that are plain values."""
    try:
        said = str(module.extra_repr())
    except Exception:
        said = ""
    held = {
        name: repr(value)[:_LONGEST]
        for name, value in sorted(vars(module).items())
        if isinstance(value, _PLAIN) and not name.startswith("_") and name not in _UNSEEN and f"{name}=" not in said
    }
    return ", ".join([*([said] if said else []), *(f"{name}={value}" for name, value in held.items())])


def read_by(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Any]:
    """The tensors whose content an operation reads: not the one that it only overwrites."""
    return tensors((args[1:] if _name(function) in _UNREAD else args, kwargs))


def is_uninitialised(function: Any) -> bool:
    """Whether what an operation returns is memory as it was found."""
    return "empty" in _name(function)


def literals(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, str]:
    """Everything passed to an operation that is no tensor, by name, defaults included."""
    found: dict[str, str] = {}
    for position, argument in enumerate(function._schema.arguments):
        given = args[position] if position < len(args) else kwargs.get(argument.name, argument.default_value)
        if given is not None and next(tensors(given), None) is None and argument.name not in ("device", "pin_memory"):
            found[argument.name] = repr(given)[:_LONGEST]
    return found


def tensors(value: Any) -> Iterator[Any]:
    """Every tensor in nested sequences, mappings and dataclass-like objects."""
    from ..probes.roots import tensors_in

    return tensors_in(value)


def _name(function: Any) -> str:
    name: str = function._schema.name
    return name.rpartition("::")[2]
