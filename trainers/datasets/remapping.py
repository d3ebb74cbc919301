"""A smaller vocabulary for token files: the most frequent tokens keep a place of their own, the others share one."""

from __future__ import annotations

from pathlib import Path

import torch

from trainers.common.data import META_FILE, open_tokens, read_vocabulary_size, to_tensor
from trainers.common.errors import DataError

REMAPPING_FILE = "remapping.pt"


def write_remapping(directory: Path, *, size: int) -> int:
    """Write ``remapping.pt``, the id below ``size`` of each token; returns the id of all rare ones, which is the last.

    Raises:
        DataError: the directory does not tell its vocabulary, or that is not larger than ``size``.
    """
    vocabulary_size = read_vocabulary_size(directory)
    if vocabulary_size is None:
        raise DataError(f"{directory} has no {META_FILE}, so the size of its vocabulary is unknown")
    if not 1 < size < vocabulary_size:
        raise DataError(f"--size is {size}, expected 2 to {vocabulary_size - 1} for {vocabulary_size} tokens")
    tokens = to_tensor(open_tokens(directory / "train.bin"))
    torch.save(most_frequent(tokens, vocabulary_size=vocabulary_size, size=size), directory / REMAPPING_FILE)
    return size - 1


def most_frequent(tokens: torch.Tensor, *, vocabulary_size: int, size: int) -> torch.Tensor:
    """Number the ``size`` - 1 most frequent tokens from 0 in the order of their ids, and all others ``size`` - 1."""
    counts = torch.bincount(tokens, minlength=vocabulary_size)
    kept = torch.sort(counts, descending=True, stable=True).indices[: size - 1].sort().values
    vector = torch.full((vocabulary_size,), size - 1)
    vector[kept] = torch.arange(size - 1)
    return vector
