"""The scaling schedule: which operations there are, and which of them are completed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from trainers.char_gpt.config import CharGptConfig
from trainers.char_gpt.operations import NAMES
from trainers.char_gpt.schedule_file import Operation, read_operations, write_operations
from trainers.char_gpt.values import is_count, is_number
from trainers.common.errors import ConfigError

IS_RIGHT: Final[Mapping[str, Callable[[Any], bool]]] = {
    "name": lambda value: value in NAMES,
    "value": lambda _value: True,  # the operation checks it
    "trigger_loss": is_number,
    "max_wait_iters": lambda value: is_count(value, at_least=0),
    "reevaluate": lambda value: isinstance(value, bool),
}


class ScalingSchedule:
    """The operations of one run in order, and the file that is kept up to date if there is one."""

    def __init__(self, operations: list[Operation], *, path: Path | None, is_master: bool) -> None:
        """Keep ``operations``; only the master writes."""
        self.operations = operations
        self._path = path
        self._is_master = is_master
        self._fill_in()

    def _fill_in(self) -> None:
        for operation in self.operations:
            operation.setdefault("completed", False)

    def take_over(self, operations: list[Operation]) -> None:
        """Go on with operations as they were saved, whatever the file says."""
        self.operations = operations
        self._fill_in()
        self.save()

    def open_operations(self) -> list[Operation]:
        """List what is not completed."""
        return [operation for operation in self.operations if not operation["completed"]]

    def reset(self) -> None:
        """Forget what is completed."""
        for operation in self.operations:
            operation["completed"] = False
        self.save()

    def complete(self, operation: Operation) -> None:
        """Note that an operation has been carried out."""
        operation["completed"] = True
        self.save()

    def save(self) -> None:
        """Write the operations back, as a whole or not at all; a file that is gone is not made again."""
        if self._path is not None and self._path.exists() and self._is_master:
            write_operations(self._path, self.operations)


def open_schedule(
    file: str | None, operations: Sequence[Mapping[str, Any]] = (), *, is_master: bool
) -> ScalingSchedule:
    """Read the operations in ``file``; one that is not there yet begins with ``operations``.

    Raises:
        ConfigError: there are no operations, or one of them makes no sense.
    """
    chosen = [copy.deepcopy(dict(operation)) for operation in operations]
    path = None if file is None else Path(file)
    if path is not None and path.is_file():
        chosen = read_operations(path)
    elif path is not None and not chosen:
        raise ConfigError([f"scaling_schedule_file is {file!r}, which does not exist"])
    elif path is not None and is_master:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_operations(path, chosen)
    problems = list(_problems(file or "scaling_schedule", chosen))
    if problems:
        raise ConfigError(problems)
    return ScalingSchedule(chosen, path=path, is_master=is_master)


def _problems(source: str, operations: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for operation in operations:
        for field, is_right in IS_RIGHT.items():
            if field not in operation:
                yield f"{source}: an operation without {field!r}: {operation}"
            elif not is_right(operation[field]):
                yield f"{source}: {field!r} cannot be {operation[field]!r}: {operation}"


def begin_schedule(config: CharGptConfig, saved: Mapping[str, Any] | None, *, is_master: bool) -> ScalingSchedule:
    """Open the schedule of a run that begins, of which nothing is completed, or that resumes what was ``saved``.

    Raises:
        ConfigError: there are no operations, or one of them makes no sense.
    """
    file = config.scaling.scaling_schedule_file
    schedule = open_schedule(file, config.scaling.scaling_schedule, is_master=is_master)
    if saved is None:
        schedule.reset()
    else:
        restore_scaling_schedule_state(schedule, saved, file=file, is_master=is_master)
    return schedule


def restore_scaling_schedule_state(
    schedule: ScalingSchedule, saved: Mapping[str, Any], *, file: str | None, is_master: bool
) -> None:
    """Take over what a checkpoint says of the operations if it follows the same ``file``; else the file is right."""
    if not saved.get("scaling_schedule"):
        return
    if saved.get("scaling_schedule_file") == file:
        schedule.take_over(saved["scaling_schedule"])
    elif is_master:
        print(f"warning: the checkpoint follows {saved.get('scaling_schedule_file')}, this run {file}, as it is")
