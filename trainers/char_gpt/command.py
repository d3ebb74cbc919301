"""The command ``python -m trainers char_gpt``: from the command line to a finished run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch

from trainers.char_gpt.beginning import Beginning, find_beginning
from trainers.char_gpt.config import CharGptConfig
from trainers.char_gpt.reporting import Reporter
from trainers.char_gpt.trainer import Trainer
from trainers.common.accumulation import micro_steps_per_process
from trainers.common.config import describe, help_lines, parse_command_line
from trainers.common.distributed import World, process_group, read_world, select_device
from trainers.common.precision import allow_tf32
from trainers.common.resume import has_marker
from trainers.common.run_log import RunLog
from trainers.common.seeding import seed_torch
from trainers.common.signals import ShutdownFlag
from trainers.common.system import describe_system
from trainers.common.tracking import Tracking

USAGE = """usage: python -m trainers char_gpt [CONFIG_FILE ...] [--key=value ...]

Trains a GPT on the uint16 token files of a data directory. Config files are Python files that assign keys; arguments
are read from left to right, the last one wins. Values are Python literals of the type of the default.

  python -m trainers data char-tiny --out data/char-tiny
  python -m trainers char_gpt --dataset=char-tiny --device=cpu --compile=False

By default it is a GPT-2 of 124 million parameters on a GPU; trainers/README.md tells how."""


def main(arguments: Sequence[str]) -> int:
    """Train as the command line asks; returns the exit status.

    Raises:
        TrainerError: the configuration, the data or the checkpoint is at fault.
    """
    if "-h" in arguments or "--help" in arguments:
        print(USAGE, *help_lines(CharGptConfig), sep="\n")
        return 0
    config, given = parse_command_line(CharGptConfig, arguments)
    world = read_world(os.environ)
    device = select_device(config.system.device, world)
    config = config.resolved(is_marked=has_marker(config.out_dir))
    beginning = find_beginning(config, given=given, world=world)
    with process_group(world, backend=config.system.backend, device=device):
        _announce(beginning, world=world, device=device)
        _train(beginning, world=world, device=device)
    return 0


def _announce(beginning: Beginning, *, world: World, device: torch.device) -> None:
    """State the configuration and what follows from it."""
    config, settings = beginning.config, beginning.settings
    micro_steps = micro_steps_per_process(settings.gradient_accumulation_steps, world_size=world.size)
    sequences = micro_steps * world.size * settings.batch_size
    lines = [f"tokens per iteration will be: {sequences * config.batch.block_size:,}"]
    if world.is_master:
        lines += describe(config)
        lines.append(
            f"update: {world.size} process(es) x {micro_steps} micro-step(s) x {settings.batch_size} sequences"
            f" x {config.batch.block_size} tokens on {device.type}, {config.optimisation.max_iters + 1} updates in all"
        )
    # in one piece with its line ends, as all processes print at once
    print("".join(f"{line}\n" for line in lines), end="")


def _train(beginning: Beginning, *, world: World, device: torch.device) -> None:
    """Set up what surrounds the training loop, and run it."""
    config, run_name = beginning.config, beginning.run_name()
    log_dir = Path(config.output.log_dir) if config.output.file_logging and world.is_master else None
    names = config.trackers if world.is_master else ()
    tracking = Tracking(names, project=config.output.wandb_project, run_name=run_name or "", config=config.remembered())
    with RunLog(log_dir) as log, tracking:
        reporter = None
        if world.is_master:
            config.out_dir.mkdir(parents=True, exist_ok=True)
            log.write_config(config.remembered())
            reporter = Reporter(log, tracking, out_dir=config.out_dir, is_new_run=config.output.init_from == "scratch")
            reporter.beginning([describe_system(device), *beginning.lines()])
        seed_torch(config.system.seed, rank=world.rank)
        allow_tf32()
        shutdown = ShutdownFlag()
        with shutdown.listen():
            trainer = Trainer(beginning, world=world, device=device, reporter=reporter, run_name=run_name)
            if world.is_master:
                print(f"number of parameters: {trainer.learner.bare_model.parameter_count():,}")
            trainer.run(shutdown)
            trainer.finish()
