"""Where texts come from: local files of JSON lines or Parquet, or a dataset of the hub that is streamed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from trainers.common.errors import ConfigError, DataError

HUB_PREFIX = "hub:"
TEXT = "text"
ROWS = 256
"""Rows of a Parquet file that are decoded at once."""


@dataclass(frozen=True)
class Unreadable:
    """An example that is there, but is no text."""

    reason: str


class Shard(Protocol):
    """One file, or whatever else can be read from a place on. Errors that end it are raised."""

    @property
    def name(self) -> str:
        """What messages call it."""

    def read(self, start: int) -> Iterator[str | Unreadable]:
        """Yield the examples from number ``start`` on, counted from 0."""


@dataclass(frozen=True)
class JsonLines:
    """A file with one JSON object per line, of which ``text`` counts."""

    path: Path

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.path.name

    def read(self, start: int) -> Iterator[str | Unreadable]:
        """Yield one example per line."""
        with self.path.open("rb") as file:
            for line in islice(file, start, None):
                try:
                    yield text_of(json.loads(line.decode("utf-8")))
                except ValueError as error:
                    yield Unreadable(str(error))


@dataclass(frozen=True)
class Parquet:
    """A Parquet file with a column ``text``."""

    path: Path

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.path.name

    def read(self, start: int) -> Iterator[str | Unreadable]:
        """Yield one example per row."""
        try:
            from pyarrow import parquet
        except ImportError as error:
            raise ConfigError(
                [f"{self.path} needs pyarrow ({error}); install the extra 'arrow', or use JSON lines"]
            ) from error
        with parquet.ParquetFile(self.path) as file:
            if TEXT not in file.schema_arrow.names:
                raise DataError(f"{self.path} has no column {TEXT!r}, only {', '.join(file.schema_arrow.names)}")
            rows = (row for batch in file.iter_batches(batch_size=ROWS, columns=[TEXT]) for row in batch.to_pylist())
            for row in islice(rows, start, None):
                yield text_of(row)


@dataclass(frozen=True)
class HubDataset:
    """A dataset that ``datasets`` streams; nothing is downloaded as a whole."""

    name: str
    split: str

    def read(self, start: int) -> Iterator[str | Unreadable]:
        """Yield one example per row."""
        try:
            from datasets import load_dataset
        except ImportError as error:
            raise ConfigError(
                [f"dataset {HUB_PREFIX}{self.name} needs datasets ({error}); install the extra 'hub', or name a file"]
            ) from error
        for row in load_dataset(self.name, split=self.split, streaming=True).skip(start):
            yield text_of(row)


def text_of(row: Any) -> str | Unreadable:
    """The text of an example; None, which many datasets have, is an empty one."""
    if not isinstance(row, dict) or TEXT not in row:
        return Unreadable(f"there is no {TEXT!r} in it")
    text = row[TEXT]
    if text is None:
        return ""
    return text if isinstance(text, str) else Unreadable(f"its {TEXT!r} is {type(text).__name__}")


LOCAL: dict[str, Callable[[Path], Shard]] = {".jsonl": JsonLines, ".parquet": Parquet}


def open_shards(dataset: str, *, split: str) -> list[Shard]:
    """The shards of a dataset: a file, all files of a directory in the order of their names, or ``hub:OWNER/NAME``.

    Raises:
        DataError: there is nothing of that name, or nothing that can be read.
    """
    if dataset.startswith(HUB_PREFIX):
        return [HubDataset(dataset.removeprefix(HUB_PREFIX), split)]
    path = Path(dataset)
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    shards = [LOCAL[one.suffix](one) for one in files if one.suffix in LOCAL and one.exists()]
    if not shards:
        raise DataError(
            f"no texts in {dataset}: expected a .jsonl or .parquet file, a directory of them, or {HUB_PREFIX}OWNER/NAME"
            " (python -m trainers data stream-texts --out DIR makes some)"
        )
    return shards
