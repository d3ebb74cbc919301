"""Files of tokens: little-endian uint16, and the ``meta.pkl`` that says how large the vocabulary is."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from trainers.common.errors import DataError

Tokens: TypeAlias = npt.NDArray[np.uint16]
Batch: TypeAlias = tuple[torch.Tensor, torch.Tensor]
"""Inputs and targets, both int64 of shape (batch size, block size)."""

TOKEN_TYPE = np.dtype("<u2")
META_FILE = "meta.pkl"


def open_tokens(path: Path) -> Tokens:
    """Map a file of tokens into memory, shape (number of tokens,).

    Raises:
        DataError: the file does not exist or is empty.
    """
    if not path.is_file() or path.stat().st_size < TOKEN_TYPE.itemsize:
        raise DataError(
            f"no tokens in {path}: expected a file of uint16 token ids"
            " (python -m trainers data --help tells how to make one, --data_dir where to look)"
        )
    return np.memmap(path, dtype=TOKEN_TYPE, mode="r")


def read_vocabulary_size(directory: Path) -> int | None:
    """Return the vocabulary size that ``meta.pkl`` states, or None when there is no such file.

    Raises:
        DataError: the file is there, but states no size.
    """
    path = directory / META_FILE
    if not path.exists():
        return None
    with path.open("rb") as file:
        meta = pickle.load(file)
    if not isinstance(meta, dict) or type(meta.get("vocab_size")) is not int:
        raise DataError(f"{path} has no integer under 'vocab_size'; write it again, or remove it and use --vocab_size")
    return int(meta["vocab_size"])


def to_tensor(tokens: Tokens) -> torch.Tensor:
    """Return the ids as int64, which is what embeddings and losses take."""
    return torch.from_numpy(tokens.astype(np.int64))


def to_device(batch: Batch, device: torch.device) -> Batch:
    """Move a batch; a copy to the GPU starts from pinned memory, so that nobody waits for it."""
    if device.type != "cuda":
        return batch[0].to(device), batch[1].to(device)
    inputs, targets = (tensor.pin_memory().to(device, non_blocking=True) for tensor in batch)
    return inputs, targets
