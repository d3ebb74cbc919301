"""Batches cut from random places of a token file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from trainers.common.data import Batch, open_tokens, to_device, to_tensor
from trainers.common.errors import DataError


class RandomBatches:
    """Sequences that start anywhere in one file, drawn from the global torch generator."""

    def __init__(self, path: Path, *, batch_size: int, block_size: int, device: torch.device) -> None:
        """Open the file.

        Raises:
            DataError: there is no such file, or it is too short for one sequence.
        """
        self._tokens = open_tokens(path)
        if len(self._tokens) <= block_size:
            raise DataError(
                f"{path} holds {len(self._tokens)} tokens, expected more than a block of {block_size};"
                " use more data or a smaller --block-size"
            )
        self._batch_size = batch_size
        self._block_size = block_size
        self._device = device

    def get_batch(self) -> Batch:
        """Return inputs and, one token later, targets."""
        starts = torch.randint(len(self._tokens) - self._block_size, (self._batch_size,)).numpy()
        windows = to_tensor(self._tokens[starts[:, None] + np.arange(self._block_size + 1)])
        return to_device((windows[:, :-1].contiguous(), windows[:, 1:].contiguous()), self._device)
