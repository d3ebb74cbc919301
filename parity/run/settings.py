"""The effective policy, key by key, and where each value came from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from parity.policy import Policy

FILE = "file"
DEFAULT = "default"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One value of the policy or the command line; ``source`` is ``file``, ``default`` or ``command line``."""

    key: str
    value: object
    source: str


def effective(policy: Policy) -> list[Setting]:
    """Every key of ``policy`` and of its parts, with its path from ``[tool.parity]``."""
    return list(_settings(policy, ""))


def _settings(model: Any, path: str) -> Iterator[Setting]:
    for key in type(model).model_fields:
        value = getattr(model, key)
        source = FILE if key in model.model_fields_set else DEFAULT
        yield from _one(f"{path}{key}", value, source)


def _one(path: str, value: Any, source: str) -> Iterator[Setting]:
    if hasattr(value, "model_fields_set"):
        yield from _settings(value, f"{path}.")
    elif isinstance(value, tuple) and value and hasattr(value[0], "model_fields_set"):
        for at, part in enumerate(value):
            yield from _settings(part, f"{path}[{at}].")
    else:
        yield Setting(key=path, value=value, source=source)
