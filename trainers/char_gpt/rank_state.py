"""What every process keeps for itself, and needs back to go on as if it had never stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from trainers.char_gpt.batch_manager import BatchManager
from trainers.common.data import Batch
from trainers.common.distributed import World, gather_objects
from trainers.common.seeding import generator_states, restore_generators


def gather_rank_states(
    batches: BatchManager, *, unused: Batch, world: World, device: torch.device
) -> list[dict[str, Any]]:
    """Return random numbers and position in the data of all processes by rank; every process has to call this.

    ``unused`` is the batch that has been fetched ahead: a resumed run begins with it.
    """
    return gather_objects({"rng": generator_states(device), "data": batches.state_dict(unused=unused)}, world)


def restore_rank_state(
    states: Sequence[dict[str, Any]], batches: BatchManager, *, world: World, device: torch.device
) -> None:
    """Put back what was saved for this process; with another number of processes, everything starts afresh."""
    if len(states) != world.size:
        if world.is_master:
            print(f"saved by {len(states)} processes, resumed by {world.size}: random numbers and data start afresh")
        return
    restore_generators(states[world.rank]["rng"], device)
    batches.load_state_dict(states[world.rank]["data"])
