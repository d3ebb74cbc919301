"""Character-level data directories: train.bin, val.bin and meta.pkl, with the same bytes for the same input."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np

PICKLE_PROTOCOL = 4
"""Fixed, so that a newer Python writes the same bytes."""


def write_dataset(directory: Path, *, train: Sequence[int], validation: Sequence[int], characters: str) -> None:
    """Write token ids and their vocabulary; id i stands for ``characters[i]``."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, ids in (("train.bin", train), ("val.bin", validation)):
        np.asarray(ids, dtype="<u2").tofile(directory / name)
    meta = {
        "vocab_size": len(characters),
        "itos": dict(enumerate(characters)),
        "stoi": {character: number for number, character in enumerate(characters)},
    }
    (directory / "meta.pkl").write_bytes(pickle.dumps(meta, protocol=PICKLE_PROTOCOL))
