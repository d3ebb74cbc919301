"""Going on where an earlier run in the same directory stopped, without being told to."""

from __future__ import annotations

import json
from pathlib import Path

MARKER_NAME = ".auto_resume"
CONFIG_NAME = "auto_resume_config.json"


def has_marker(directory: Path) -> bool:
    """Whether a run from scratch has already saved a checkpoint in this directory."""
    return (directory / MARKER_NAME).exists()


def mark_for_resume(directory: Path, *, run_name: str | None) -> None:
    """Tell the next run in this directory to resume; a directory that is marked already stays as it is."""
    if has_marker(directory):
        return
    (directory / CONFIG_NAME).write_text(json.dumps({"init_from": "resume"}), encoding="utf-8")
    (directory / MARKER_NAME).write_text(f"init_from=resume\nfinal_wandb_run_name={run_name}\n", encoding="utf-8")
