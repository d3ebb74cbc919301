"""The commands ``python -m trainers occ train``, ``train-mixer`` and ``finetune``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from functools import partial

from torch import distributed

from trainers.common.distributed import process_group, read_world, select_device
from trainers.common.errors import ConfigError
from trainers.common.menu import Command, Menu
from trainers.occ.arguments import PROGRAM, finetune_parser, train_mixer_parser, train_parser
from trainers.occ.augmentation import Augmentation
from trainers.occ.both_heads import Tables, train_both_heads
from trainers.occ.classification import ClassifierEngine
from trainers.occ.dataset import OccDataset
from trainers.occ.encoders import load_tokenizer
from trainers.occ.model import build_classifier
from trainers.occ.start import ALONE, columns_of, loaders_of, open_directory, prepare_training, seed
from trainers.occ.tables import (
    KEY_NAME,
    TRAINING_NAME,
    VALIDATION_NAME,
    number_codes,
    prepare,
    read_key,
    read_rows,
)


def main(arguments: Sequence[str]) -> int:
    """Train as the command line asks; returns the exit status.

    Raises:
        TrainerError: the options, the data or a checkpoint are at fault.
    """
    return MENU.run(arguments)


def train(options: argparse.Namespace) -> None:
    """Train the linear head."""
    if read_world(os.environ).size > 1:
        raise ConfigError(["train runs on one process; use train-mixer --distributed or finetune on several"])
    seed(options.seed, rank=0)
    device = select_device(options.device, ALONE)
    columns, loaders, directory = columns_of(options), loaders_of(options), open_directory(options)
    rows = read_rows(options.train_data, columns)
    key = number_codes(rows, columns)
    tokenizer = load_tokenizer(options.encoder, max_length=options.max_len)
    augmentation = Augmentation(
        text_probability=options.alt_prob, transformations=1, description_probability=options.description_prob
    )
    dataset = partial(OccDataset, columns=columns, key=key, tokenizer=tokenizer)
    training = loaders.training(dataset(rows, augmentation=augmentation), ALONE)
    validation = loaders.validation(dataset(read_rows(options.val_data, columns)))
    model = build_classifier(options.encoder, classes=len(key), dropout=options.dropout)
    total = len(training) * options.num_epochs
    states, updater, step = prepare_training(model, options, key=key, total_steps=total, world=ALONE, device=device)
    ClassifierEngine(
        states=states, updater=updater, training=training, validation=validation, total_steps=total, directory=directory
    ).run(step)


def train_mixer(options: argparse.Namespace) -> None:
    """Train both heads on tables that are split already."""
    world = read_world(os.environ) if options.distributed else ALONE
    if not options.distributed and read_world(os.environ).size > 1:
        raise ConfigError(["several processes were started, but each would train alone; use --distributed"])
    if options.distributed and not world.is_distributed:
        raise ConfigError(["distributed training needs a launcher; start the program with torchrun"])
    columns = columns_of(options)
    augmentation = Augmentation(
        text_probability=options.augmentation_prob,
        transformations=options.num_transformations,
        unknown_language_probability=options.unk_lang_prob,
        description_probability=options.description_prob,
    )
    device = select_device(options.device, world)
    with process_group(world, backend="nccl" if device.type == "cuda" else "gloo", device=device):
        if world.is_master:
            open_directory(options)
        rows, validation_rows = read_rows(options.train_data, columns), read_rows(options.val_data, columns)
        key = number_codes(rows, columns)
        tables = Tables(training=rows, validation=validation_rows, key=key, augmentation=augmentation)
        train_both_heads(options, tables, world=world, device=device)


def finetune(options: argparse.Namespace) -> None:
    """Split a table, and train both heads on it."""
    world = read_world(os.environ)
    if world.size == 1:
        world = ALONE
    columns = columns_of(options)
    device = select_device(options.device, world)
    with process_group(world, backend="nccl" if device.type == "cuda" else "gloo", device=device):
        directory = options.save_dir
        if world.is_master:
            open_directory(options)
            prepare(options.dataset, directory, columns, validation_share=options.share_val)
        if world.size > 1:
            distributed.barrier()
        if options.prepare_only:
            return
        rows, validation_rows = (read_rows(directory / name, columns) for name in (TRAINING_NAME, VALIDATION_NAME))
        key = read_key(directory / KEY_NAME)
        augmentation = Augmentation(description_probability=options.description_prob)
        tables = Tables(training=rows, validation=validation_rows, key=key, augmentation=augmentation)
        train_both_heads(options, tables, world=world, device=device, drops_last=world.size > 1)


def _command(
    summary: str, parser: Callable[[], argparse.ArgumentParser], run: Callable[[argparse.Namespace], None]
) -> Command:
    def parse_and_run(arguments: Sequence[str]) -> int:
        run(parser().parse_args(arguments))
        return 0

    return Command(summary=summary, run=parse_and_run)


MENU = Menu(
    program=PROGRAM,
    about="Trains models that give codes to descriptions of occupations.",
    commands={
        "train": _command("a linear head over an encoder", train_parser, train),
        "train-mixer": _command("a decoder and a linear head over an encoder", train_mixer_parser, train_mixer),
        "finetune": _command("such a model on a table of your own", finetune_parser, finetune),
    },
    examples=f"""  python -m trainers data occupations --out data/occ
  {PROGRAM} train-mixer --save-dir out --train-data data/occ/train.csv --val-data data/occ/val.csv --batch-size 8""",
)
