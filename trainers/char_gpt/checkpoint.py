"""What a char_gpt checkpoint holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from trainers.char_gpt.learner import Learner
from trainers.char_gpt.progress import Progress


def checkpoint_content(
    learner: Learner,
    progress: Progress,
    *,
    config: Mapping[str, int | float | bool | str | None],
    others: Mapping[str, Any],
) -> dict[str, Any]:
    """Collect everything that a resumed run restores.

    The model is the bare one, so that its names carry no prefix of a wrapper; its architecture is the one that it has
    now. Low-rank additions are merged into its weights, and are there once more among the parameters. The iteration is
    the one to do next: a resumed run evaluates it again and then trains it.
    """
    model = learner.bare_model
    return {
        "model": model.merged_state(),
        "optimizer": learner.optimizer.state_dict(),
        "param_names": dict(model.named_parameters()),
        "model_args": dataclasses.asdict(model.architecture),
        "iter_num": progress.iteration,
        "best_val_loss": progress.best_validation_loss,
        "config": dict(config),
        "iter_of_last_op": progress.iteration_of_last_operation,
        "lr_schedule_offset": progress.learning_rate_offset,
        "scaler": learner.scaler.state_dict(),
        **others,
    }
