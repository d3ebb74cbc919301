"""From a configuration to what training reads: the vocabulary, and the stream of batches."""

from __future__ import annotations

import random
from pathlib import Path

import torch

from trainers.char_gpt.batch_manager import BatchManager
from trainers.char_gpt.batches import BatchCutter
from trainers.char_gpt.config import CharGptConfig
from trainers.char_gpt.corpus import Corpus
from trainers.char_gpt.curriculum import Curriculum
from trainers.char_gpt.vocabulary import Remapping, load_remapping, share_remapping
from trainers.common.distributed import World
from trainers.common.seeding import private_generator

UNIFORM = 1.0
"""The share of the uniform distribution that the curriculum aims at by itself."""


def open_remapping(config: CharGptConfig, world: World, *, is_active: bool, device: torch.device) -> Remapping | None:
    """Read the remapping to a smaller vocabulary, if there is one; every process has to call this.

    An operation may have switched it off: then it is not ``is_active``.

    Raises:
        DataError: the file is unusable.
    """
    chosen = config.vocabulary
    vector = None
    if chosen.shrunken_vocab_size is not None and chosen.vocab_remapping_file is not None and world.is_master:
        vector = load_remapping(Path(chosen.vocab_remapping_file), device=device)
    vector = share_remapping(vector, world, device=device)
    if vector is None or chosen.RARE_TOKEN_ID is None:
        return None
    return Remapping(vector, rare_token=chosen.RARE_TOKEN_ID, is_active=is_active)


def open_stream(
    config: CharGptConfig, world: World, *, curriculum_alpha: float, vocabulary_size: int, device: torch.device
) -> BatchManager:
    """Start serving training batches, whose tokens are below ``vocabulary_size``."""
    data = config.data
    shards = [config.data_dir / name for name in config.shards]
    cutter = BatchCutter(
        shards,
        batch_size=config.batch.batch_size,
        block_size=config.batch.block_size,
        places=random if data.background_batches else private_generator(data.data_seed, rank=world.rank),
    )
    corpus = Corpus(
        shards=shards,
        vocabulary_size=vocabulary_size,
        sample_tokens=data.corpus_tokens,
        directory=config.corpus_dir,
        is_master=world.is_master,
    )
    stream = BatchManager(
        cutter,
        curriculum=Curriculum(vocabulary_size),
        corpus=corpus.distribution,
        device=device,
        in_background=data.background_batches,
    )
    if curriculum_alpha != UNIFORM:
        stream.update_target_distribution(curriculum_alpha)
    return stream
