"""Saved states: what they hold, under which names, and where a run starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from trainers.common.errors import CheckpointError
from trainers.occ.tables import Key

LAST_NAME = "last.bin"
ENCODER_PREFIX = "encoder."


@dataclass(frozen=True, kw_only=True)
class States:
    """Everything that a resumed run restores; the model is the one without wrappers."""

    model: nn.Module
    optimizer: Optimizer
    scheduler: LambdaLR
    key: Key

    def save(self, directory: Path, step: int) -> None:
        """Save as ``<step>.bin`` and then as ``last.bin``: whenever a run is killed, one of them is whole."""
        content = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "step": step,
            "key": self.key,
        }
        for name in (f"{step}.bin", LAST_NAME):
            torch.save(content, directory / name)

    def resume(self, directory: Path) -> int | None:
        """Restore ``last.bin``; returns the step it was saved at, None where there is no such file.

        Raises:
            CheckpointError: it belongs to other codes or to another model.
        """
        path = directory / LAST_NAME
        if not path.exists():
            return None
        saved = _load(path)
        if saved.get("key") != self.key:
            raise CheckpointError(
                f"{path} was trained on other codes than these data have; use another --save-dir, or start from it"
                " with --initial-checkpoint and --only-encoder"
            )
        _fill(self.model, saved["model"], path)
        self.optimizer.load_state_dict(saved["optimizer"])
        self.scheduler.load_state_dict(saved["scheduler"])
        step: int = saved["step"]
        return step


def load_weights(model: nn.Module, path: Path, *, only_encoder: bool) -> None:
    """Start from another model, or from its encoder.

    Raises:
        CheckpointError: the file is missing or holds another kind of model.
    """
    saved = _load(path)
    weights: dict[str, torch.Tensor] = saved.get("model", saved)
    if not only_encoder:
        _fill(model, weights, path)
        return
    encoder = {
        name.removeprefix(ENCODER_PREFIX): tensor for name, tensor in weights.items() if name.startswith(ENCODER_PREFIX)
    }
    assert isinstance(model.encoder, nn.Module)
    _fill(model.encoder, encoder, path)


def _load(path: Path) -> dict[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"cannot load {path}: {reason}; expected states that a run saved, such as <step>.bin"
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, expected the states of a run")
    return content


def _fill(model: nn.Module, weights: dict[str, torch.Tensor], path: Path) -> None:
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(
            f"{path} does not fit the model; use the --encoder, --formatter and codes it was trained with, or"
            f" --only-encoder: {reason}"
        ) from error
