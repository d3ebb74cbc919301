"""What one run in one process is made of, and in which order that is made."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from trainers.char_gpt.batch_manager import BatchManager
from trainers.char_gpt.batches import ValidationBatches
from trainers.char_gpt.beginning import Beginning
from trainers.char_gpt.config import CharGptConfig
from trainers.char_gpt.learner import Learner
from trainers.char_gpt.progress import Progress
from trainers.char_gpt.settings import ValuesInForce
from trainers.char_gpt.start import data_vocabulary_size, start_run
from trainers.char_gpt.stream import open_remapping, open_stream
from trainers.char_gpt.vocabulary import Remapping
from trainers.common.accumulation import micro_steps_per_process
from trainers.common.data import Batch
from trainers.common.distributed import World
from trainers.common.precision import Precision


@dataclass(kw_only=True)
class Run:
    """Everything that is there once, and lasts as long as the run."""

    config: CharGptConfig
    """What the run began with; ``settings`` are in force."""
    settings: ValuesInForce
    progress: Progress
    learner: Learner
    stream: BatchManager
    validation: ValidationBatches
    remapping: Remapping | None
    """From the tokens of the data to those of the model."""
    precision: Precision
    world: World
    device: torch.device

    @property
    def micro_steps(self) -> int:
        """Per update, in this process."""
        return micro_steps_per_process(self.settings.gradient_accumulation_steps, world_size=self.world.size)

    @property
    def data_vocabulary_size(self) -> int:
        """How many tokens the data have."""
        return _data_vocabulary_size(self.config, self.remapping, self.learner)

    def remapped(self, batch: Batch) -> Batch:
        """Return a batch in the vocabulary of the model."""
        return batch if self.remapping is None else self.remapping(batch)


def build_run(beginning: Beginning, *, saved: Mapping[str, Any] | None, world: World, device: torch.device) -> Run:
    """Build vocabulary, model, optimizer and batches, in this order; the torch generators are seeded already.

    A resumed run gets what its checkpoint has ``saved``.
    """
    config, settings = beginning.config, beginning.settings
    precision = Precision(dtype=config.system.dtype, device_type=device.type)
    remapping = open_remapping(config, world, is_active=settings.remapping_active, device=device)
    learner, progress = _build_learner(config, saved, beginning.given, precision=precision, world=world, device=device)
    stream = open_stream(
        config,
        world,
        curriculum_alpha=settings.curriculum_alpha,
        vocabulary_size=_data_vocabulary_size(config, remapping, learner),
        device=device,
    )
    validation = ValidationBatches(config.data_dir / "val.bin", block_size=config.batch.block_size, device=device)
    return Run(
        config=config,
        settings=settings,
        progress=progress,
        learner=learner,
        stream=stream,
        validation=validation,
        remapping=remapping,
        precision=precision,
        world=world,
        device=device,
    )


def _build_learner(
    config: CharGptConfig,
    saved: Mapping[str, Any] | None,
    given: Collection[str],
    *,
    precision: Precision,
    world: World,
    device: torch.device,
) -> tuple[Learner, Progress]:
    start = start_run(config, device=device, saved=saved, given=given)
    learner = Learner(start.model, config=config, precision=precision, world=world, device=device)
    if saved is not None:
        transfer = learner.restore(saved)
        if world.is_master and start.report is not None:
            print(*start.report.lines(), transfer.line(), sep="\n")
    learner.wrap()
    return learner, start.progress


def _data_vocabulary_size(config: CharGptConfig, remapping: Remapping | None, learner: Learner) -> int:
    if remapping is not None:
        return remapping.data_vocabulary_size
    return data_vocabulary_size(config) or learner.bare_model.architecture.vocab_size
