"""Where a run starts: with fresh weights, or with those of a checkpoint."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch

from trainers.char_gpt.architecture import Architecture
from trainers.char_gpt.config import CharGptConfig
from trainers.char_gpt.model import GPT
from trainers.common.data import META_FILE, read_vocabulary_size
from trainers.common.errors import ConfigError
from trainers.common.weights import LoadReport, apply_smart_state_dict_loading

WORST_LOSS = 1e9
"""The best validation loss of a run that has not been evaluated yet."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """A model on its device and how far its training has come."""

    model: GPT
    iteration: int = 0
    best_validation_loss: torch.Tensor | float = WORST_LOSS
    iteration_of_last_operation: int = 0
    learning_rate_offset: int = 0
    report: LoadReport | None = None


def start_run(config: CharGptConfig, *, device: torch.device, saved: dict[str, Any] | None) -> Start:
    """Start from scratch, or with what a checkpoint has ``saved``; the model ends up on ``device``.

    Raises:
        ConfigError: nothing tells how large the vocabulary is.
        CheckpointError: the checkpoint does not fit the model.
    """
    start = _start_from_scratch(config) if saved is None else _resume(config, saved)
    if config.batch.block_size < start.model.architecture.block_size:
        start.model.crop_block_size(config.batch.block_size)
    start.model.to(device)
    return start


def _start_from_scratch(config: CharGptConfig) -> Start:
    stated = read_vocabulary_size(config.data_dir)
    vocabulary_size = config.output.vocab_size if stated is None else stated
    if vocabulary_size is None:
        raise ConfigError([f"vocab_size is None and there is no {config.data_dir / META_FILE}; use --vocab_size=..."])
    return Start(model=_build(config, block_size=config.batch.block_size, vocabulary_size=vocabulary_size))


def _resume(config: CharGptConfig, saved: dict[str, Any]) -> Start:
    # a smaller block size is cut off afterwards, from the table of positions as it was saved
    block_size = max(config.batch.block_size, saved["model_args"]["block_size"])
    assert config.output.vocab_size is not None, "a resumed run has taken over the size of the vocabulary"
    model = _build(config, block_size=block_size, vocabulary_size=config.output.vocab_size)
    report = apply_smart_state_dict_loading(model, saved["model"])
    return Start(
        model=model,
        iteration=saved["iter_num"],
        best_validation_loss=saved["best_val_loss"],
        iteration_of_last_operation=saved.get("iter_of_last_op", 0),
        learning_rate_offset=saved.get("lr_schedule_offset", 0),
        report=report,
    )


def _build(config: CharGptConfig, *, block_size: int, vocabulary_size: int) -> GPT:
    return GPT(Architecture(block_size=block_size, vocab_size=vocabulary_size, **dataclasses.asdict(config.model)))
