"""The model with two heads: from options and tables to a trained model."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from trainers.common.distributed import World
from trainers.common.errors import ConfigError
from trainers.occ.augmentation import Augmentation
from trainers.occ.dataset import OccDataset
from trainers.occ.encoders import load_tokenizer
from trainers.occ.engine import Engine, Plan
from trainers.occ.formatters import PAD, make_formatter
from trainers.occ.losses import BlockOrderInvariantLoss, LossMixer
from trainers.occ.model import MAX_STEPS, build_mixer
from trainers.occ.start import columns_of, loaders_of, prepare_training, seed
from trainers.occ.tables import Key, Row


@dataclass(frozen=True, kw_only=True)
class Tables:
    """What is trained on: rows, the labels of their codes, and how training rows are altered."""

    training: Sequence[Row]
    validation: Sequence[Row]
    key: Key
    augmentation: Augmentation


def train_both_heads(
    options: argparse.Namespace, tables: Tables, *, world: World, device: torch.device, drops_last: bool = False
) -> None:
    """Build everything that the options describe and train it; ``drops_last`` leaves out incomplete batches.

    Raises:
        TrainerError: options, tables or a checkpoint do not fit together.
    """
    seed(options.seed, rank=world.rank)
    columns, loaders, key = columns_of(options), loaders_of(options), tables.key
    formatter = make_formatter(options.formatter, codes=list(key), max_codes=len(columns.targets))
    tokenizer = load_tokenizer(options.encoder, max_length=options.max_len)
    dataset = partial(OccDataset, columns=columns, key=key, tokenizer=tokenizer, formatter=formatter)
    if formatter.target_length > MAX_STEPS:
        problem = f"a target has {formatter.target_length} tokens, expected at most {MAX_STEPS}"
        raise ConfigError([f"{problem}; codes are {formatter.block_size} characters long, name fewer --target-cols"])
    training = loaders.training(
        dataset(tables.training, augmentation=tables.augmentation), world, drops_last=drops_last
    )
    validation = loaders.validation(dataset(tables.validation))
    model = build_mixer(
        options.encoder, vocabulary_size=formatter.vocabulary_size, classes=len(key), dropout=options.dropout
    )
    total = len(training) * options.num_epochs
    states, updater, step = prepare_training(model, options, key=key, total_steps=total, world=world, device=device)
    seq2seq = BlockOrderInvariantLoss(pad=PAD, blocks=formatter.max_codes, block_size=formatter.block_size)
    Engine(
        plan=Plan(
            total_steps=total,
            log_interval=options.log_interval,
            evaluation_interval=options.eval_interval,
            save_interval=options.save_interval,
            saves_at_end=options.final_save,
            directory=options.save_dir,
        ),
        states=states,
        updater=updater,
        loss=LossMixer(seq2seq=seq2seq, linear=nn.BCEWithLogitsLoss(), seq2seq_weight=options.seq2seq_weight),
        training=training,
        validation=validation,
        blocks=formatter.max_codes,
        block_size=formatter.block_size,
        world=world,
    ).run(step)
