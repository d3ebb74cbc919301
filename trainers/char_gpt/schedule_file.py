"""The file of a scaling schedule: JSON, or YAML where its name ends in .yaml or .yml."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainers.common.errors import ConfigError

Operation = dict[str, Any]
LIST_KEY = "operations"
"""A file may also hold a mapping with the list under this key."""

YAML_SUFFIXES = (".yaml", ".yml")


def read_operations(path: Path) -> list[Operation]:
    """Return the operations that a file lists.

    Raises:
        ConfigError: they cannot be read, or the file holds something else.
    """
    content = _parse(path)
    operations = content.get(LIST_KEY) if isinstance(content, dict) else content
    if not isinstance(operations, list) or not all(isinstance(one, dict) for one in operations):
        raise ConfigError([f"scaling_schedule_file {path} holds no list of operations, nor one under {LIST_KEY!r}"])
    return operations


def write_operations(path: Path, operations: Sequence[Operation]) -> None:
    """Write the operations, as a whole or not at all; what else is in the file stays."""
    before = _parse(path) if path.exists() else None
    content = {**before, LIST_KEY: operations} if isinstance(before, dict) else operations
    # other processes may be reading what was there before
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(_spell(content, path), encoding="utf-8")
    temporary.rename(path)


def _parse(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    if path.suffix not in YAML_SUFFIXES:
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigError([f"scaling_schedule_file {path} is no JSON: {error}"]) from error
    yaml = _import_yaml(path)
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError([f"scaling_schedule_file {path} is no YAML: {' '.join(str(error).split())}"]) from error


def _spell(content: Any, path: Path) -> str:
    if path.suffix not in YAML_SUFFIXES:
        return json.dumps(content, indent=2)
    text: str = _import_yaml(path).safe_dump(content, sort_keys=False)
    return text


def _import_yaml(path: Path) -> Any:
    try:
        return importlib.import_module("yaml")
    except ImportError as error:
        raise ConfigError([f"{path} is YAML, which needs PyYAML: pip install pyyaml, or use JSON"]) from error
