"""Several processes: who am I, how do we find each other, who holds the model."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from trainers.common.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class World:
    """This process among all that train together."""

    rank: int
    local_rank: int
    size: int
    is_distributed: bool
    """Whether a launcher such as torchrun started this process, be it the only one."""

    @property
    def is_master(self) -> bool:
        """Whether this process prints and saves."""
        return self.rank == 0


def read_world(environment: Mapping[str, str]) -> World:
    """Read the world as torchrun describes it in RANK, LOCAL_RANK and WORLD_SIZE; without RANK a process is alone."""
    if "RANK" not in environment:
        return World(rank=0, local_rank=0, size=1, is_distributed=False)
    return World(
        rank=int(environment["RANK"]),
        local_rank=int(environment["LOCAL_RANK"]),
        size=int(environment["WORLD_SIZE"]),
        is_distributed=True,
    )


def select_device(name: str, world: World) -> torch.device:
    """Find the device of this process: the one asked for, or under a launcher the GPU numbered by the local rank.

    Raises:
        ConfigError: the device is unknown, or a GPU is asked for and there is none.
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError([f"device is {name!r}, expected 'cpu', 'cuda' or 'cuda:<number>'"]) from None
    if device.type != "cuda":
        return device
    if not torch.cuda.is_available():
        raise ConfigError([f"device is {name!r}, but CUDA is not available here; use --device=cpu"])
    if world.is_distributed:
        device = torch.device("cuda", world.local_rank)
        torch.cuda.set_device(device)
    return device


@contextmanager
def process_group(world: World, *, backend: str, device: torch.device) -> Iterator[None]:
    """Join the other processes, and leave them at the end whatever happens. Does nothing in a process of its own.

    Raises:
        ConfigError: the backend needs GPUs and the device is none.
    """
    if not world.is_distributed:
        yield
        return
    if backend == "nccl" and device.type != "cuda":
        raise ConfigError([f"backend is 'nccl', which needs CUDA, and device is {str(device)!r}; use --backend=gloo"])
    distributed.init_process_group(backend=backend)
    try:
        yield
    finally:
        # a wrapped model that nobody has collected yet keeps the group alive, and a gloo thread that outlives the
        # interpreter aborts the process
        gc.collect()
        distributed.destroy_process_group()


def any_process(flag: bool, world: World, *, device: torch.device) -> bool:  # noqa: FBT001
    """Whether ``flag`` is true on any process; every process has to ask."""
    if not world.is_distributed:
        return flag
    total = torch.tensor(int(flag), device=device)
    distributed.all_reduce(total)
    return bool(total.item())


def decide(choice: int, world: World, *, device: torch.device) -> int:
    """Return what the master has chosen; every process has to ask, and goes on when all have."""
    if not world.is_distributed:
        return choice
    decision = torch.tensor(choice, device=device)
    distributed.broadcast(decision, src=0)
    distributed.barrier()
    return int(decision.item())


def gather_objects(value: Any, world: World) -> list[Any]:
    """Return what every process gives as ``value``, by rank; every process has to call this."""
    if not world.is_distributed:
        return [value]
    gathered: list[Any] = [None] * world.size
    distributed.all_gather_object(gathered, value)
    return gathered


def distribute(
    model: nn.Module, world: World, *, device: torch.device, find_unused_parameters: bool = False
) -> nn.Module:
    """Wrap a model so that its gradients are averaged over the processes."""
    if not world.is_distributed:
        return model
    return DistributedDataParallel(
        model,
        device_ids=[device.index] if device.type == "cuda" else None,
        find_unused_parameters=find_unused_parameters,
    )
