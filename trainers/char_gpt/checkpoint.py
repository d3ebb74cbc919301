"""What a char_gpt checkpoint holds, and under which name it is saved."""

from __future__ import annotations

import dataclasses

import torch

from trainers.char_gpt.model import GPT

CHECKPOINT_NAME = "ckpt.pt"


def emergency_name(iteration: int) -> str:
    """Name the file that a run leaves behind when it is told to stop before ``iteration``."""
    return f"emergency_ckpt_iter_{iteration}.pt"


def checkpoint_content(
    *,
    model: GPT,
    optimizer: torch.optim.Optimizer,
    iteration: int,
    best_validation_loss: torch.Tensor | float,
    config: dict[str, int | float | bool | str | None],
) -> dict[str, object]:
    """Collect everything that a resumed run restores.

    ``model`` is the bare one, so that its names carry no prefix of a wrapper; low-rank additions are merged into its
    weights. ``iteration`` is the one to do next: a resumed run evaluates it again and then trains it.
    """
    return {
        "model": model.merged_state(),
        "optimizer": optimizer.state_dict(),
        "param_names": dict(model.named_parameters()),
        "model_args": dataclasses.asdict(model.architecture),
        "iter_num": iteration,
        "best_val_loss": best_validation_loss,
        "config": config,
    }
