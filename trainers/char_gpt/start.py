"""Where a run starts: with fresh weights, or with those of a checkpoint."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from trainers.char_gpt.architecture import Architecture
from trainers.char_gpt.checkpoint import CHECKPOINT_NAME
from trainers.char_gpt.config import CharGptConfig
from trainers.char_gpt.model import GPT
from trainers.char_gpt.pretrained import GPT2_BLOCK_SIZE, GPT2_SIZES, GPT2_VOCABULARY, load_gpt2
from trainers.common.checkpoint import load_checkpoint, strip_compile_prefix
from trainers.common.data import META_FILE, read_vocabulary_size
from trainers.common.errors import CheckpointError, ConfigError

SAVED_SHAPE = ("n_layer", "n_head", "n_embd", "block_size", "bias", "vocab_size", "n_hidden")
"""What a resumed model takes from the checkpoint; the other keys may be changed on the command line."""

WORST_LOSS = 1e9
"""The best validation loss of a run that has not been evaluated yet."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """A model on its device and how far its training has come."""

    model: GPT
    iteration: int
    best_validation_loss: torch.Tensor | float
    optimizer_state: dict[str, Any] | None


def start_run(config: CharGptConfig, *, device: torch.device) -> Start:
    """Start from scratch, a GPT-2 or ``out_dir/ckpt.pt``, as the configuration says; the model ends up on ``device``.

    Raises:
        ConfigError: nothing tells how large the vocabulary is.
        CheckpointError: the checkpoint is missing, or holds another model than it says.
    """
    if config.output.init_from in GPT2_SIZES:
        start = _start_from_gpt2(config)
    else:
        start = _resume(config, device) if config.output.init_from == "resume" else _start_from_scratch(config)
    if config.batch.block_size < start.model.architecture.block_size:
        start.model.crop_block_size(config.batch.block_size)
    start.model.to(device)
    return start


def _start_from_scratch(config: CharGptConfig) -> Start:
    vocabulary_size = config.vocabulary.shrunken_vocab_size or data_vocabulary_size(config)
    if vocabulary_size is None:
        raise ConfigError([f"vocab_size is None and there is no {config.data_dir / META_FILE}; use --vocab_size=..."])
    architecture = Architecture(
        block_size=config.batch.block_size, vocab_size=vocabulary_size, **dataclasses.asdict(config.model)
    )
    return Start(model=GPT(architecture), iteration=0, best_validation_loss=WORST_LOSS, optimizer_state=None)


def data_vocabulary_size(config: CharGptConfig) -> int | None:
    """Return how many tokens the data have: what their description states, or else the configuration, if any does."""
    stated = read_vocabulary_size(config.data_dir)
    return config.output.vocab_size if stated is None else stated


def _start_from_gpt2(config: CharGptConfig) -> Start:
    name = config.output.init_from
    shape = {**GPT2_SIZES[name], "bias": True, "n_hidden": None}
    architecture = Architecture(
        block_size=GPT2_BLOCK_SIZE, vocab_size=GPT2_VOCABULARY, **{**dataclasses.asdict(config.model), **shape}
    )
    model = GPT(architecture)
    directory = config.output.gpt2_dir
    model.load_merged_state(load_gpt2(name, directory=None if directory is None else Path(directory)))
    return Start(model=model, iteration=0, best_validation_loss=WORST_LOSS, optimizer_state=None)


def _resume(config: CharGptConfig, device: torch.device) -> Start:
    path = config.out_dir / CHECKPOINT_NAME
    saved = load_checkpoint(path, device=device)
    shape = {key: saved["model_args"][key] for key in SAVED_SHAPE}
    architecture = Architecture(**{**dataclasses.asdict(config.model), **shape})
    model = GPT(architecture)
    try:
        model.load_state_dict(strip_compile_prefix(saved["model"]))
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(
            f"{path} does not fit; resume with the rotary options it was saved with: {reason}"
        ) from error
    return Start(
        model=model,
        iteration=saved["iter_num"],
        best_validation_loss=saved["best_val_loss"],
        optimizer_state=saved["optimizer"],
    )
