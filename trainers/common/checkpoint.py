"""Files of saved training state: written whole or not at all, read with an error that helps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from trainers.common.errors import CheckpointError

TEMPORARY_NAME = "ckpt_temp.pt"


def save_atomically(content: Mapping[str, object], path: Path) -> None:
    """Write a checkpoint next to its place and move it there, so that a killed run leaves the previous one intact."""
    temporary = path.with_name(TEMPORARY_NAME)
    torch.save(content, temporary)
    temporary.rename(path)


def load_checkpoint(path: Path, *, device: torch.device) -> dict[str, Any]:
    """Read a checkpoint, its tensors on ``device``.

    Raises:
        CheckpointError: there is no such file.
    """
    if not path.is_file():
        raise CheckpointError(f"no checkpoint {path} to resume from; use --init_from=scratch or another --out_dir")
    content: dict[str, Any] = torch.load(path, map_location=device)
    return content
