"""Everything in a checkpoint, leaf by leaf, each under its dotted key."""

import argparse
import types
from collections.abc import Iterator, Mapping
from typing import Any, Final

_DEPTH: Final = 12
_LONG: Final = 64
_SIMPLE: Final = (bool, int, float, str, type(None))


def leaves(value: Any, key: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the key and the value of every leaf.

    Mappings, sequences, namespaces, dataclasses and modules are gone into; a long sequence of plain values, such as the
    state of Python's generator, is one leaf. Nothing that is yielded is a copy.
    """
    items = list(_items(value)) if depth < _DEPTH else []
    if not items:
        yield key, value
    for name, item in items:
        yield from leaves(item, f"{key}.{name}" if key else str(name), depth + 1)


def is_long(value: Any) -> bool:
    """Whether ``value`` is a sequence of plain values that is one leaf."""
    return isinstance(value, (list, tuple)) and len(value) > _LONG and all(isinstance(item, _SIMPLE) for item in value)


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    import torch

    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, (list, tuple)):
        if not is_long(value):
            yield from enumerate(value)
    elif isinstance(value, torch.nn.Module):
        yield from torch.nn.Module.named_parameters(value, remove_duplicate=False)
        yield from torch.nn.Module.named_buffers(value, remove_duplicate=False)
    elif isinstance(value, (argparse.Namespace, types.SimpleNamespace)):
        yield from vars(value).items()
    elif hasattr(type(value), "__dataclass_fields__"):
        yield from getattr(value, "__dict__", {}).items()
