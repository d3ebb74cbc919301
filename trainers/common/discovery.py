"""Which checkpoint of a directory a run goes on from: the newest one that can be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from trainers.common.errors import CheckpointError

CHECKPOINT_NAME = "ckpt.pt"
EMERGENCY_PATTERN = re.compile(r"emergency_ckpt_iter_(\d+)\.pt")


def emergency_name(iteration: int) -> str:
    """Name the file that a run leaves behind when it is told to stop before ``iteration``."""
    return f"emergency_ckpt_iter_{iteration}.pt"


def emergency_iterations(directory: Path) -> list[int]:
    """List the iterations of the emergency checkpoints of a directory, the highest first: 10 is above 9."""
    matches = (EMERGENCY_PATTERN.fullmatch(path.name) for path in directory.glob("*.pt"))
    return sorted((int(match[1]) for match in matches if match), reverse=True)


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A file and what it holds, on the CPU."""

    path: Path
    content: dict[str, Any]

    @property
    def is_emergency(self) -> bool:
        """Whether the run that saved it had been told to stop."""
        return bool(self.content.get("emergency_save", False))


def load_checkpoint_with_fallback(directory: Path, *, warn: Callable[[str], None] = print) -> Checkpoint:
    """Read ``ckpt.pt``, or an emergency checkpoint of a higher iteration; a file that cannot be read is passed over.

    ``warn`` is told about each of these.

    Raises:
        CheckpointError: no file is left.
    """
    regular = _read(directory / CHECKPOINT_NAME, warn) if (directory / CHECKPOINT_NAME).exists() else None
    newer = (number for number in emergency_iterations(directory) if _is_newer(number, regular))
    found = next(_readable((directory / emergency_name(number) for number in newer), warn), regular)
    if found is None:
        raise CheckpointError(
            f"no checkpoint that can be read in {directory}; use --init_from=scratch or another --out_dir"
        )
    return found


def _is_newer(iteration: int, regular: Checkpoint | None) -> bool:
    return regular is None or iteration > regular.content["iter_num"]


def _readable(paths: Iterator[Path], warn: Callable[[str], None]) -> Iterator[Checkpoint]:
    for path in paths:
        found = _read(path, warn)
        if found is not None:
            yield found


def _read(path: Path, warn: Callable[[str], None]) -> Checkpoint | None:
    try:
        return Checkpoint(path=path, content=torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # damaged files raise almost anything
        warn(f"cannot read {path}: {type(error).__name__}")
        return None
