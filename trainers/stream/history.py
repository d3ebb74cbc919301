"""What a run has measured so far, as columns of numbers, and the texts it has shown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from trainers.common.errors import DataError

HISTORY_NAME, SAMPLES_NAME = "metrics_history.json", "text_samples.json"


class TextSample(TypedDict):
    """Part of a text and what the model makes of it; ``accuracy`` is a fraction."""

    step: int
    input: str
    output: str
    accuracy: float


@dataclass(frozen=True)
class History:
    """Columns of equal length, the first of which counts, and text samples."""

    columns: dict[str, list[float]]
    samples: list[TextSample]

    @classmethod
    def of(cls, names: Sequence[str]) -> History:
        """An empty history with columns of these names."""
        return cls({name: [] for name in names}, [])

    def __len__(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values())))

    def add(self, row: Mapping[str, float]) -> None:
        """Add a row with a value for every column."""
        for name, column in self.columns.items():
            column.append(row[name])

    def write(self, directory: Path) -> None:
        """Write both JSON files, each whole or not at all."""
        _write(directory / HISTORY_NAME, self.columns)
        _write(directory / SAMPLES_NAME, self.samples)


def read_history(directory: Path, names: Sequence[str], *, before: int) -> History:
    """Read what an earlier run wrote, as far as it counts less than ``before``; nothing where there are no files.

    Raises:
        DataError: the files hold something else.
    """
    if not (directory / HISTORY_NAME).exists():
        return History.of(names)
    try:
        columns, samples = (json.loads((directory / name).read_text("utf-8")) for name in (HISTORY_NAME, SAMPLES_NAME))
        kept = sum(1 for count in columns[names[0]] if count < before)
        cut = {name: columns[name][:kept] for name in names}
        if any(len(column) != kept for column in cut.values()):
            raise ValueError("its columns are of different lengths")
        return History(cut, [one for one in samples if one["step"] < before])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"cannot go on with {directory / HISTORY_NAME}: {error!r}; expected what a run with the same command wrote,"
            " move both JSON files away to begin new ones"
        ) from error


def _write(path: Path, content: object) -> None:
    temporary = path.with_name(path.name + ".part")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
    temporary.replace(path)
