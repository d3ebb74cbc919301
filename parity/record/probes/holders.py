"""Objects that hold a configuration, recognised by their type alone, and the plain values in them.

Touching an attribute of a stranger's object may run code or print a warning: only what instances keep in their own
dictionary is read.
"""

import argparse
import sys
import types
from collections.abc import Mapping
from typing import Any, Final

_SIMPLE: Final = (bool, int, float, str, type(None))
_NAMES: Final = frozenset({"config", "conf", "cfg", "args", "opt", "opts", "options", "params", "hparams", "settings"})
_DEPTH: Final = 6


def holder_of(name: str, value: Any) -> str:
    """What kind of configuration ``value`` is, held under ``name``; empty where it is none."""
    kind = type(value)
    if isinstance(value, argparse.Namespace):
        return "argparse"
    if hasattr(kind, "__dataclass_fields__"):
        return f"dataclass {kind.__name__}"
    if _derives(kind, "pydantic", "BaseModel"):
        return f"pydantic model {kind.__name__}"
    if _derives(kind, "omegaconf", "DictConfig"):
        return "OmegaConf"
    if kind is types.SimpleNamespace and name in _NAMES:
        return "namespace"
    return f"dictionary {name}" if kind is dict and name in _NAMES else ""


def plain_values(value: Any) -> dict[str, str]:
    """Plain values in ``value`` by their own key; where two nested ones share it, the later with its path."""
    found: dict[str, str] = {}
    _collect(value, "", found, 0)
    return found


def _collect(value: Any, prefix: str, found: dict[str, str], depth: int) -> None:
    for key, item in _items(value):
        if is_simple(item):
            found[f"{prefix}{key}" if key in found else key] = as_text(item)
        elif depth < _DEPTH:
            _collect(item, f"{prefix}{key}.", found, depth + 1)


def _items(value: Any) -> list[tuple[str, Any]]:
    kind = type(value)
    if _derives(kind, "omegaconf", "DictConfig"):
        return list(sys.modules["omegaconf"].OmegaConf.to_container(value, resolve=False).items())
    if kind is dict or isinstance(value, types.MappingProxyType):
        return [(key, item) for key, item in value.items() if isinstance(key, str)]
    if hasattr(kind, "__dataclass_fields__"):
        held = getattr(value, "__dict__", None)
        names = list(kind.__dataclass_fields__)
        return [(name, getattr(value, name, None) if held is None else held.get(name)) for name in names]
    if isinstance(value, (argparse.Namespace, types.SimpleNamespace)) or _derives(kind, "pydantic", "BaseModel"):
        return list(vars(value).items())
    return []


def _derives(kind: type, package: str, name: str) -> bool:
    return any(base.__name__ == name and base.__module__.split(".")[0] == package for base in kind.__mro__)


def simple_values(values: Mapping[str, Any]) -> dict[str, str]:
    """The plain values of a mapping, as text."""
    return {key: as_text(value) for key, value in values.items() if is_simple(value)}


def as_text(value: Any) -> str:
    """A value as text; whether a sequence is a list or a tuple makes no difference to a configuration."""
    return repr(list(value)) if isinstance(value, tuple) else repr(value)


def is_simple(value: Any) -> bool:
    """Whether ``value`` is plain, or a short sequence of plain values."""
    if isinstance(value, (list, tuple)):
        return len(value) <= 20 and all(isinstance(item, _SIMPLE) for item in value)
    return isinstance(value, _SIMPLE)
