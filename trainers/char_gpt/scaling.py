"""The scaling schedule: which operations there are, and which of them are completed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainers.common.errors import ConfigError

REQUIRED = ("name", "value", "trigger_loss", "max_wait_iters", "reevaluate")

Operations = list[dict[str, Any]]


def read_scaling_schedule(path: Path) -> Operations:
    """Read a JSON list of operations.

    Raises:
        ConfigError: there is no such file, or an operation lacks a field.
    """
    if not path.is_file():
        raise ConfigError([f"scaling_schedule_file is {str(path)!r}, which does not exist"])
    operations: Operations = json.loads(path.read_text(encoding="utf-8"))
    problems = [
        f"{path}: an operation without {field!r}: {operation}"
        for operation in operations
        for field in REQUIRED
        if field not in operation
    ]
    if problems:
        raise ConfigError(problems)
    return operations


def save_scaling_schedule(path: Path | None, operations: Operations) -> None:
    """Write the operations back, as a whole or not at all; without a file there is nothing to keep up to date."""
    for operation in operations:
        operation.setdefault("completed", False)
    if path is None or not path.exists():
        return
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(operations, indent=2), encoding="utf-8")
    temporary.rename(path)


def start_scaling_schedule(file: str | None, *, is_master: bool) -> Operations:
    """Read the operations of a run from scratch: none of them is completed."""
    operations = [] if file is None else read_scaling_schedule(Path(file))
    for operation in operations:
        operation["completed"] = False
    if file is not None and is_master:
        save_scaling_schedule(Path(file), operations)
    return operations


def restore_scaling_schedule_state(file: str | None, saved: Mapping[str, Any], *, is_master: bool) -> Operations:
    """Return the operations of a resumed run: as they were saved if they are those of ``file``, else as in ``file``."""
    operations = [] if file is None else read_scaling_schedule(Path(file))
    if not saved.get("scaling_schedule"):
        return operations
    if saved.get("scaling_schedule_file") != file:
        if is_master:
            print(f"warning: the checkpoint follows {saved.get('scaling_schedule_file')}, this run {file}, as it is")
        return operations
    restored: Operations = saved["scaling_schedule"]
    if file is not None and is_master:
        save_scaling_schedule(Path(file), restored)
    return restored
