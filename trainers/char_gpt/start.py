"""Where a run starts: with fresh weights, or with those of a checkpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from trainers.char_gpt.adaptation import restore_ranks
from trainers.char_gpt.architecture import Architecture
from trainers.char_gpt.config import CharGptConfig
from trainers.char_gpt.freezing import restore_frozen
from trainers.char_gpt.lora import restore_additions
from trainers.char_gpt.model import GPT
from trainers.char_gpt.pretrained import GPT2_BLOCK_SIZE, GPT2_SIZES, GPT2_VOCABULARY, load_gpt2
from trainers.char_gpt.progress import Progress
from trainers.common.data import META_FILE, read_vocabulary_size
from trainers.common.errors import ConfigError
from trainers.common.weights import LoadReport, apply_smart_state_dict_loading


@dataclass(frozen=True, kw_only=True)
class Start:
    """A model on its device and how far its training has come."""

    model: GPT
    progress: Progress
    report: LoadReport | None = None


def start_run(
    config: CharGptConfig, *, device: torch.device, saved: Mapping[str, Any] | None, given: Collection[str] = ()
) -> Start:
    """Start from scratch, a GPT-2 or with what a checkpoint has ``saved``; the model ends up on ``device``.

    Raises:
        ConfigError: nothing tells how large the vocabulary is.
        CheckpointError: the checkpoint does not fit the model.
    """
    if saved is not None:
        start = _resume(config, saved, given)
    else:
        start = _start_from_gpt2(config) if config.output.init_from in GPT2_SIZES else _start_from_scratch(config)
    if config.batch.block_size < start.model.architecture.block_size:
        start.model.crop_block_size(config.batch.block_size)
    start.model.to(device)
    return start


def _start_from_scratch(config: CharGptConfig) -> Start:
    vocabulary_size = config.vocabulary.shrunken_vocab_size or data_vocabulary_size(config)
    if vocabulary_size is None:
        raise ConfigError([f"vocab_size is None and there is no {config.data_dir / META_FILE}; use --vocab_size=..."])
    return Start(
        model=_build(config, block_size=config.batch.block_size, vocabulary_size=vocabulary_size), progress=Progress()
    )


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
    return Start(model=model, progress=Progress())


def _resume(config: CharGptConfig, saved: Mapping[str, Any], given: Collection[str]) -> Start:
    # a smaller block size is cut off afterwards, from the table of positions as it was saved
    block_size = max(config.batch.block_size, saved["model_args"]["block_size"])
    assert config.output.vocab_size is not None, "a resumed run has taken over the size of the vocabulary"
    model = _build(config, block_size=block_size, vocabulary_size=config.output.vocab_size)
    parameters = saved.get("param_names", {})
    restore_ranks(model, parameters, given=given)
    report = apply_smart_state_dict_loading(model, saved["model"])
    restore_frozen(model, parameters)
    restore_additions(model, parameters)
    return Start(
        model=model,
        progress=Progress(
            iteration=saved["iter_num"],
            best_validation_loss=saved["best_val_loss"],
            iteration_of_last_operation=saved.get("iter_of_last_op", 0),
            learning_rate_offset=saved.get("lr_schedule_offset", 0),
        ),
        report=report,
    )


def _build(config: CharGptConfig, *, block_size: int, vocabulary_size: int) -> GPT:
    return GPT(Architecture(block_size=block_size, vocab_size=vocabulary_size, **dataclasses.asdict(config.model)))
