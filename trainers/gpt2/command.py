"""The command ``python -m trainers gpt2``: from the command line to a finished run."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

import torch

from trainers.common.config import describe
from trainers.common.distributed import World, process_group, read_world, select_device
from trainers.common.flags import parse_flags
from trainers.common.precision import allow_tf32
from trainers.common.seeding import seed_everywhere
from trainers.gpt2.ablation import AblationCoordinator, split_steps, table_lines
from trainers.gpt2.base import BaseGPT2Trainer
from trainers.gpt2.chart import require_matplotlib
from trainers.gpt2.config import ALIASES, Gpt2Config
from trainers.gpt2.reciprocal_config import UnifiedRAConfig
from trainers.gpt2.unified_ra import UnifiedRATrainer
from trainers.gpt2.vanilla import VanillaGPT2Trainer

SEED = 1337
INTERRUPTED = 130
"""The exit status that shells give to what Ctrl-C has ended."""
DESCRIPTION = """Train GPT-2 on the uint16 files train.bin and val.bin of a data directory, with a choice of optimizers
and pruning methods, or, with --architecture unified-ra (whose --help lists further options), with some of its parts
replaced. For a first try: python -m trainers data char-tiny --out data/char-tiny, then python -m trainers gpt2
--dataset char-tiny --model-name gpt2-tiny --block-size 64 --max-iters 200."""


def main(arguments: Sequence[str]) -> int:
    """Train as the command line asks; returns the exit status.

    Raises:
        TrainerError: the configuration, the data or the checkpoint is at fault.
    """
    asked = parse_flags(
        _config_type(arguments), arguments, program="python -m trainers gpt2", description=DESCRIPTION, aliases=ALIASES
    )
    world = read_world(os.environ)
    config = asked.resolved(os.environ, has_cuda=torch.cuda.is_available())
    device = select_device(config.system.device, world)
    backend = config.run.ddp_backend or ("nccl" if device.type == "cuda" else "gloo")
    with process_group(world, backend=backend, device=device):
        if world.is_master:
            _announce(config, world=world, is_replaced=config.system.device != asked.system.device)
        allow_tf32()
        if config.run.flash_attention is not None:
            torch.backends.cuda.enable_flash_sdp(config.run.flash_attention)
        if isinstance(config, UnifiedRAConfig) and config.reciprocal.ablation_mode:
            return _ablate(config, world=world, device=device)
        _train(config, world=world, device=device)
    return 0


def _config_type(arguments: Sequence[str]) -> type[Gpt2Config]:
    """Choose by the architecture, which decides what other options there are; whether it exists is checked later."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--architecture", nargs="?")
    chosen, _ = parser.parse_known_args(list(arguments))
    return UnifiedRAConfig if chosen.architecture == "unified-ra" else Gpt2Config


def _announce(config: Gpt2Config, *, world: World, is_replaced: bool) -> None:
    """State the configuration and what follows from it."""
    if is_replaced:
        print("CUDA is not available, training on the CPU")
    for line in describe(config):
        print(line)
    length, block_size = config.length, config.model.block_size
    tokens = world.size * length.gradient_accumulation * length.batch_size * block_size
    print(
        f"update: {world.size} process(es) x {length.gradient_accumulation} micro-step(s) x {length.batch_size}"
        f" sequences x {block_size} tokens = {tokens:,} tokens, {config.iterations} updates in all"
    )


def _train(config: Gpt2Config, *, world: World, device: torch.device) -> None:
    """Train once, from the same random numbers whatever went before."""
    if isinstance(config, UnifiedRAConfig):
        config = config.with_options_of_step()
    seed_everywhere(SEED)
    if world.is_master:
        config.output_dir.mkdir(parents=True, exist_ok=True)
    trainer: BaseGPT2Trainer
    if isinstance(config, UnifiedRAConfig):
        trainer = UnifiedRATrainer(config, world=world, device=device)
        brought = "".join(f", {name} {value}" for name, value in config.step.options.items())
        trainer.say(
            f"step {config.reciprocal.ra_step}{brought}, number of parameters: {trainer.bare_model.parameter_count():,}"
        )
    else:
        trainer = VanillaGPT2Trainer(config, world=world, device=device)
        trainer.say(f"number of parameters: {trainer.bare_model.parameter_count():,}")
    if config.iterations != config.length.max_iters:
        trainer.say(f"{config.optimization.adamwprune_variant}: training {config.iterations} iterations")
    trainer.run()


def _ablate(config: UnifiedRAConfig, *, world: World, device: torch.device) -> int:
    """Train several steps and print the table of what came out; returns the exit status.

    Who interrupts it gets the table of what is done, and may give the same command again to go on.
    """
    coordinator = AblationCoordinator(config, split_steps(config.reciprocal.ablation_steps))

    def say(line: str) -> None:
        if world.is_master:
            print(line)

    coordinator.check_options()
    if config.reciprocal.chart:
        require_matplotlib()
    if world.is_master:
        coordinator.write_options()
    status = 0
    try:
        coordinator.run(lambda one: _train(one, world=world, device=device), say=say)
    except KeyboardInterrupt:
        status = INTERRUPTED
    if world.is_master:
        results = coordinator.results()
        coordinator.write(results)
        print(*table_lines(results), sep="\n")
        if config.reciprocal.chart and results:
            print(f"chart: {coordinator.draw(results)}")
        if status == INTERRUPTED:
            print(f"interrupted after {len(results)} of {len(coordinator.configs)} steps; the same command goes on")
    return status
