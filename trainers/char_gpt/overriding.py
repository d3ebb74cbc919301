"""What a resumed run takes over from its checkpoint: every key that nobody has set for this run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from trainers.char_gpt.config import CharGptConfig
from trainers.common.config import build_config, flatten

TRAINING_KEYS = (
    "learning_rate",
    "max_iters",
    "weight_decay",
    "beta1",
    "beta2",
    "grad_clip",
    "decay_lr",
    "warmup_iters",
    "lr_decay_iters",
    "min_lr",
    "batch_size",
    "gradient_accumulation_steps",
    "eval_interval",
    "eval_iters",
    "curriculum_alpha",
)
"""The remaining keys belong to the machine and the place, and are those of this run."""


@dataclass(frozen=True, kw_only=True)
class Effective:
    """The configuration in force, and a line ``key: saved -> chosen`` for each key in which it leaves the saved one."""

    config: CharGptConfig
    changes: tuple[str, ...]


def apply_saved_parameters(config: CharGptConfig, *, given: Collection[str], content: Mapping[str, Any]) -> Effective:
    """Combine the configuration of this run with that of a checkpoint; ``given`` are the keys that somebody has set."""
    values = flatten(config)
    remembered = {key: content["config"][key] for key in TRAINING_KEYS if key in content["config"]}
    saved = {key: value for key, value in (remembered | content["model_args"]).items() if key in values}
    last = saved | {key: value for key, value in content.get("set_by_operations", {}).items() if key in saved}
    changes = tuple(
        f"{key}: {value!r} -> {values[key]!r}" for key, value in last.items() if key in given and values[key] != value
    )
    kept = {key: value for key, value in saved.items() if key not in given}
    return Effective(config=build_config(CharGptConfig, values | kept), changes=changes)
