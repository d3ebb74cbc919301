"""From options to everything that a run needs."""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
import torch
from torch import nn

from trainers.common.distributed import World, distribute
from trainers.common.errors import ConfigError
from trainers.occ.checkpoint import States, load_weights
from trainers.occ.files import write_arguments
from trainers.occ.loaders import LoaderOptions
from trainers.occ.schedule import linear_schedule, warmup_updates
from trainers.occ.tables import Columns, Key
from trainers.occ.update import Updater

ALONE = World(rank=0, local_rank=0, size=1, is_distributed=False)


def columns_of(options: argparse.Namespace) -> Columns:
    """Which columns the options name.

    Raises:
        ConfigError: a column is named twice, or descriptions are wanted of which no column is named.
    """
    targets = tuple(options.target_cols)
    if len(set(targets)) < len(targets):
        raise ConfigError([f"target-cols are {', '.join(targets)}, expected different columns"])
    if options.description_prob > 0 and options.description_col is None:
        raise ConfigError([f"description-prob is {options.description_prob}, but there is no --description-col"])
    return Columns(
        text=options.input_col, language=options.language_col, targets=targets, description=options.description_col
    )


def loaders_of(options: argparse.Namespace) -> LoaderOptions:
    """How the options want rows to be loaded.

    Raises:
        ConfigError: they contradict each other.
    """
    return LoaderOptions(
        batch_size=options.batch_size,
        workers=options.num_workers,
        pin_memory=options.pin_memory,
        prefetch_factor=options.prefetch_factor,
        persistent_workers=options.persistent_workers,
    )


def open_directory(options: argparse.Namespace) -> Path:
    """Make the directory of the run and note the options there."""
    directory: Path = options.save_dir
    directory.mkdir(parents=True, exist_ok=True)
    write_arguments(directory, vars(options))
    return directory


def seed(number: int | None, *, rank: int) -> None:
    """Seed all generators, differently on each process; None leaves them as they are."""
    if number is not None:
        torch.manual_seed(number + rank)
        random.seed(number + rank)
        np.random.seed((number + rank) % 2**32)


def prepare_training(
    model: nn.Module, options: argparse.Namespace, *, key: Key, total_steps: int, world: World, device: torch.device
) -> tuple[States, Updater, int]:
    """Attach optimizer and schedule to a model on its device, and restore what was saved; returns the step as well.

    Raises:
        CheckpointError: what was saved does not fit.
    """
    model.to(device)
    if getattr(options, "freeze_encoder", False):
        assert isinstance(model.encoder, nn.Module)
        model.encoder.requires_grad_(requires_grad=False)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=options.learning_rate)
    warmup = warmup_updates(total_steps, options.warmup_pct)
    scheduler = linear_schedule(optimizer, warmup=warmup, total=total_steps)
    states = States(model=model, optimizer=optimizer, scheduler=scheduler, key=key)
    step = states.resume(options.save_dir)
    if world.is_master and step is not None:
        print(f"resuming from {options.save_dir / 'last.bin'}, step {step}")
    if step is None and options.initial_checkpoint is not None:
        load_weights(model, options.initial_checkpoint, only_encoder=options.only_encoder)
        if world.is_master:
            print(f"starting from {options.initial_checkpoint}")
    updater = Updater(
        distribute(model, world, device=device),
        optimizer=optimizer,
        scheduler=scheduler,
        device=device,
        uses_amp=getattr(options, "use_amp", False),
    )
    return states, updater, step or 0
