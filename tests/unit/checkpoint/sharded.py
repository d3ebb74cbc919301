"""Writing distributed checkpoints with the library itself: any cut in one process, and real meshes of ranks."""

import multiprocessing
import os
from pathlib import Path

import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.metadata import ChunkStorageMetadata, MetadataIndex, TensorProperties
from torch.distributed.checkpoint.planner import TensorWriteData, WriteItem, WriteItemType


class Cut:
    """A tensor that hands the library pieces of itself, as its own sharded tensors do."""

    def __init__(self, whole: torch.Tensor, boxes: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> None:
        self.whole = whole
        self.boxes = boxes

    def __create_write_items__(self, name: str, _: object) -> list[WriteItem]:
        return [
            WriteItem(
                index=MetadataIndex(name, torch.Size(origin)),
                type=WriteItemType.SHARD,
                tensor_data=TensorWriteData(
                    chunk=ChunkStorageMetadata(offsets=torch.Size(origin), sizes=torch.Size(sizes)),
                    properties=TensorProperties.create_from_tensor(self.whole),
                    size=self.whole.size(),
                ),
            )
            for origin, sizes in self.boxes
        ]

    def __get_tensor_shard__(self, index: MetadataIndex) -> torch.Tensor:
        (sizes,) = (sizes for origin, sizes in self.boxes if torch.Size(origin) == index.offset)
        return self.whole[tuple(slice(at, at + size) for at, size in zip(index.offset, sizes, strict=True))]


class Planner(dcp.DefaultSavePlanner):
    """The library's planner, which looks pieces up in tensors only."""

    def lookup_object(self, index: MetadataIndex) -> object:
        found = self.state_dict[index.fqn]
        return found.__get_tensor_shard__(index) if isinstance(found, Cut) else super().lookup_object(index)


def save_cut(place: Path, **state: object) -> Path:
    """A checkpoint of one process; what is ``Cut`` is stored in pieces."""
    dcp.save(state, checkpoint_id=place, planner=Planner(flatten_state_dict=False), no_dist=True)
    return place


def save_meshed(place: Path, state: dict[str, torch.Tensor]) -> Path:
    """A checkpoint of four ranks: two-dimensional tensors are cut along both dimensions, all others are replicated."""
    import torch.distributed.tensor  # noqa: F401 - once, before the forks

    context = multiprocessing.get_context("fork")
    ranks = [context.Process(target=_save_as_rank, args=(rank, place, state)) for rank in range(4)]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join()
    assert [rank.exitcode for rank in ranks] == [0] * 4
    return place


def _save_as_rank(rank: int, place: Path, state: dict[str, torch.Tensor]) -> None:
    import torch.distributed as dist
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor, init_device_mesh

    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{place}.store", rank=rank, world_size=4)
    mesh = init_device_mesh("cpu", (2, 2))
    placed = {
        name: distribute_tensor(one, mesh, [Shard(0), Shard(1)] if one.dim() == 2 else [Replicate(), Replicate()])
        for name, one in state.items()
    }
    dcp.save(placed, checkpoint_id=place)
    dist.destroy_process_group()
    # Ranks of gloo may abort while an interpreter ends.
    os._exit(0)
