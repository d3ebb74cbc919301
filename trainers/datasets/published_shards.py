"""The published shards of FineWeb in tokens of GPT-2: a header in front, and then what the trainers read."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np

from trainers.common.data import META_FILE
from trainers.common.errors import DataError
from trainers.datasets.characters import PICKLE_PROTOCOL

HEADER_NUMBERS = 256
"""Of four bytes each: a mark, a version, and how many tokens follow."""

MARK, VERSION = 20240520, 1
VOCABULARY_SIZE = 50257
PUBLISHED_SHARDS = 103
TRAIN_FILES, VALIDATION_FILE = "fineweb_train_*.bin", "fineweb_val_000000.bin"


def write_shards(source: Path, directory: Path) -> list[str]:
    """Copy all shards in ``source`` without their headers; returns the names of those that train, in order.

    Raises:
        DataError: a shard is missing, or is none.
    """
    shards = sorted(source.glob(TRAIN_FILES))
    validation = source / VALIDATION_FILE
    if not shards or not validation.is_file():
        raise DataError(f"{source} has to hold {VALIDATION_FILE} and at least one {TRAIN_FILES}; use another --from")
    directory.mkdir(parents=True, exist_ok=True)
    for shard in shards:
        _copy_tokens(shard, directory / shard.name)
    _copy_tokens(validation, directory / "val.bin")
    (directory / META_FILE).write_bytes(pickle.dumps({"vocab_size": VOCABULARY_SIZE}, protocol=PICKLE_PROTOCOL))
    return [shard.name for shard in shards]


def _copy_tokens(shard: Path, to: Path) -> None:
    header = np.fromfile(shard, dtype="<i4", count=HEADER_NUMBERS)
    size = shard.stat().st_size - header.nbytes
    if len(header) < HEADER_NUMBERS or (header[0], header[1]) != (MARK, VERSION) or size != 2 * int(header[2]):
        raise DataError(f"{shard} is no published shard: expected a header, and as many tokens as it says")
    with shard.open("rb") as file, to.open("wb") as tokens:
        file.seek(header.nbytes)
        shutil.copyfileobj(file, tokens)
