"""What a char_gpt checkpoint holds."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch

from trainers.char_gpt.model import GPT


def checkpoint_content(
    *,
    model: GPT,
    optimizer: torch.optim.Optimizer,
    iteration: int,
    best_validation_loss: torch.Tensor | float,
    config: dict[str, int | float | bool | str | None],
    others: dict[str, Any],
) -> dict[str, Any]:
    """Collect everything that a resumed run restores.

    ``model`` is the bare one, so that its names carry no prefix of a wrapper; its architecture is the one that it has
    now. ``iteration`` is the one to do next: a resumed run evaluates it again and then trains it.
    """
    return {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "param_names": dict(model.named_parameters()),
        "model_args": dataclasses.asdict(model.architecture),
        "iter_num": iteration,
        "best_val_loss": best_validation_loss,
        "config": config,
        **others,
    }
