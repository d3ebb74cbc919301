"""A vocabulary smaller than that of the data: rare tokens become one, and the model never sees them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import distributed

from trainers.common.data import Batch
from trainers.common.distributed import World
from trainers.common.errors import DataError


class Remapping:
    """Maps tokens of the data to tokens of the model, on the device and at the moment of use."""

    def __init__(self, vector: torch.Tensor, *, rare_token: int, is_active: bool = True) -> None:
        """Map token i to ``vector[i]``; ``rare_token`` is the id of all that are left out."""
        self.is_active = is_active
        """Whether anything is mapped; may be switched off while the training goes on."""
        self._vector = vector
        self._rare_token = rare_token

    @property
    def data_vocabulary_size(self) -> int:
        """How many tokens the data have."""
        return len(self._vector)

    def __call__(self, batch: Batch) -> Batch:
        """Map inputs and targets."""
        if not self.is_active:
            return batch
        return self._vector[batch[0]], self._vector[batch[1]]

    def tokens(self, ids: torch.Tensor) -> torch.Tensor:
        """Map tokens on the CPU."""
        return self._vector.cpu()[ids] if self.is_active else ids

    def following(self, next_batch: Callable[[], Batch]) -> Callable[[], Batch]:
        """Return a source of mapped batches."""
        return lambda: self(next_batch())

    def is_core(self, targets: torch.Tensor) -> torch.Tensor:
        """Tell which of the mapped ``targets`` are not the rare token."""
        return targets != self._rare_token


class CoreAccuracy:
    """How often the model guesses right, over all positions where the right token is not the rare one."""

    def __init__(self, remapping: Remapping) -> None:
        """Count nothing yet."""
        self._remapping = remapping
        self._hits = 0
        self._positions = 0

    def add(self, logits: torch.Tensor, targets: torch.Tensor) -> None:
        """Count a batch: logits (B, T, V), mapped targets (B, T)."""
        is_core = self._remapping.is_core(targets)
        self._hits += int(((logits.argmax(dim=-1) == targets) & is_core).sum().item())
        self._positions += int(is_core.sum().item())

    @property
    def share(self) -> float:
        """Right guesses over positions; 0 where there are no such positions."""
        return self._hits / max(self._positions, 1)


def load_remapping(path: Path, *, device: torch.device) -> torch.Tensor:
    """Read the ids in the smaller vocabulary, int64 of shape (tokens of the data,).

    Raises:
        DataError: the file is missing or holds something else.
    """
    if not path.is_file():
        raise DataError(f"no remapping {path}; python -m trainers data remapping makes one (--vocab_remapping_file)")
    vector = torch.load(path, map_location=device)
    if not isinstance(vector, torch.Tensor) or vector.dtype != torch.int64 or vector.dim() != 1:
        raise DataError(f"{path} holds no vector of int64, which is what --vocab_remapping_file has to be")
    return vector


def share_remapping(vector: torch.Tensor | None, world: World, *, device: torch.device) -> torch.Tensor | None:
    """Give every process what the master has; every process has to call this."""
    if not world.is_distributed:
        return vector
    # 0 says that there is none
    length = torch.tensor(0 if vector is None else len(vector), device=device)
    distributed.broadcast(length, src=0)
    if length.item() == 0:
        return None
    if vector is None:
        vector = torch.empty(int(length.item()), dtype=torch.int64, device=device)
    distributed.broadcast(vector, src=0)
    return vector
