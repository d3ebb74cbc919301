"""What a gpt2 checkpoint holds, under which name it is saved, and what a resumed run takes from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn

from trainers.common.checkpoint import load_checkpoint
from trainers.common.distributed import World
from trainers.common.errors import CheckpointError
from trainers.common.seeding import generator_states
from trainers.gpt2.architecture import Architecture

BEST_NAME = "best_model.pt"
FINAL_NAME = "final_model.pt"


def iteration_name(iteration: int) -> str:
    """Name the file that a run can be resumed from after ``iteration``."""
    return f"checkpoint_iter_{iteration}.pt"


def last_checkpoint(directory: Path) -> Path | None:
    """Find the file of the latest iteration that a run can be resumed from."""
    prefix, suffix = iteration_name(0).split("0")
    numbers = [path.name.removeprefix(prefix).removesuffix(suffix) for path in directory.glob(f"{prefix}*{suffix}")]
    iterations = [int(number) for number in numbers if number.isdecimal()]
    return directory / iteration_name(max(iterations)) if iterations else None


def checkpoint_content(
    *,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    iteration: int,
    best_validation_loss: float,
    architecture: Architecture,
    arguments: Mapping[str, object],
) -> dict[str, Any]:
    """Collect the model, what trained it, and what it is; ``model`` is the bare one, without the names of wrappers."""
    content = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "iter_num": iteration,
        "best_val_loss": best_validation_loss,
        "config": dataclasses.asdict(architecture),
        "args": dict(arguments),
    }
    if scaler.is_enabled():
        content["scaler"] = scaler.state_dict()
    return content


def gather_generator_states(world: World) -> list[dict[str, Any]]:
    """Return the states of the random generators of all processes by rank; every process has to call this."""
    states = generator_states()
    if not world.is_distributed:
        return [states]
    gathered: list[Any] = [None] * world.size
    distributed.all_gather_object(gathered, states)
    return gathered


def read_resumable(path: Path, *, architecture: Architecture, world: World) -> dict[str, Any]:
    """Read a file that a run can be resumed from, into the memory of the CPU.

    From there model and optimizer take what belongs on their device, and leave the rest, such as the counters of Adam.

    Raises:
        CheckpointError: there is no such file, or it belongs to another network, another number of processes, or to
            nothing that can be resumed.
    """
    saved = load_checkpoint(path, device=torch.device("cpu"))
    if "progress" not in saved:
        raise CheckpointError(f"{path} holds a model, not a run to resume; use a file {iteration_name(0)[:-4]}<n>.pt")
    expected = dataclasses.asdict(architecture)
    different = [
        f"{key} {saved['config'].get(key)!r} there, {expected[key]!r} here"
        for key in expected
        if saved["config"].get(key) != expected[key]
    ]
    if different:
        raise CheckpointError(f"{path} holds another network: {', '.join(different)}; resume with the same options")
    size = len(saved["progress"]["generators"])
    if size != world.size:
        raise CheckpointError(f"{path} was saved by {size} process(es), expected {world.size}; start as many as then")
    return saved
