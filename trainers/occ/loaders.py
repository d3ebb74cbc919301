"""Batches for training and validation, on one process or shared out among many."""

from __future__ import annotations

from dataclasses import dataclass

from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler

from trainers.common.distributed import World
from trainers.common.errors import ConfigError, DataError
from trainers.occ.dataset import Item, OccDataset


@dataclass(frozen=True, kw_only=True)
class LoaderOptions:
    """How rows are loaded; ``batch_size`` is per process."""

    batch_size: int
    workers: int
    pin_memory: bool
    prefetch_factor: int | None
    persistent_workers: bool

    def __post_init__(self) -> None:
        """Refuse options that make no sense without workers.

        Raises:
            ConfigError: there are none.
        """
        if self.workers < 0:
            raise ConfigError([f"num-workers is {self.workers}, expected 0 or more"])
        if self.workers == 0 and (self.prefetch_factor is not None or self.persistent_workers):
            raise ConfigError(["prefetch-factor and persistent-workers need workers; use --num-workers 1 or more"])

    def training(self, dataset: OccDataset, world: World, *, drops_last: bool = False) -> DataLoader[Item]:
        """Shuffled batches; with several processes each gets its share of the rows.

        Raises:
            DataError: there are fewer rows than one batch needs.
        """
        sampler: DistributedSampler[Item] | None = None
        if world.size > 1:
            sampler = DistributedSampler(dataset, num_replicas=world.size, rank=world.rank, shuffle=True)
        loader = self._loader(dataset, sampler=sampler, shuffle=sampler is None, drop_last=drops_last)
        if len(loader) == 0:
            raise DataError(
                f"{len(dataset)} training rows on {world.size} process(es) do not fill one batch of {self.batch_size};"
                " use a smaller --batch-size"
            )
        return loader

    def validation(self, dataset: OccDataset) -> DataLoader[Item]:
        """All rows in order, on whoever asks."""
        return self._loader(dataset, sampler=None, shuffle=False, drop_last=False)

    def _loader(
        self, dataset: OccDataset, *, sampler: DistributedSampler[Item] | None, shuffle: bool, drop_last: bool
    ) -> DataLoader[Item]:
        return DataLoader(
            dataset,
            batch_size=self.batch_size,
            shuffle=shuffle,
            sampler=sampler,
            num_workers=self.workers,
            pin_memory=self.pin_memory,
            drop_last=drop_last,
            prefetch_factor=self.prefetch_factor,
            persistent_workers=self.persistent_workers,
        )
