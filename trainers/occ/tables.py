"""Tables of descriptions and codes: reading them, numbering their codes, splitting them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from trainers.common.errors import DataError

Row: TypeAlias = dict[str, str]
Key: TypeAlias = dict[str, int]
"""Code to label, where labels are 0, 1, 2, ..."""

TRAINING_NAME, VALIDATION_NAME, KEY_NAME = "data_train.csv", "data_val.csv", "key.csv"
SPLIT_SEED = 42


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which columns hold the description, its language and the codes; a table need not have a language."""

    text: str
    language: str
    targets: tuple[str, ...]
    description: str | None = None
    """A longer description of the occupation, for augmentation."""

    def codes(self, row: Row) -> list[str]:
        """Return the codes of a row in the order of the columns; empty cells are no codes."""
        return [row[column] for column in self.targets if row[column] != ""]


def read_rows(path: Path, columns: Columns) -> list[Row]:
    """Read a CSV file with a header.

    Raises:
        DataError: it cannot be read, has no rows, or lacks a column.
    """
    rows = _read(path)
    wanted = [columns.text, *columns.targets, *([columns.description] if columns.description else [])]
    missing = [column for column in wanted if column not in rows[0]]
    if missing:
        raise DataError(
            f"{path} has no column {', '.join(missing)}, only {', '.join(rows[0])};"
            " name columns with --input-col and --target-cols"
        )
    return rows


def number_codes(rows: Sequence[Row], columns: Columns) -> Key:
    """Give each code a label, in order of first appearance, column by column.

    Raises:
        DataError: there is no code at all.
    """
    key: Key = {}
    for column in columns.targets:
        for row in rows:
            if row[column] != "":
                key.setdefault(row[column], len(key))
    if not key:
        raise DataError(f"no row has a code in {', '.join(columns.targets)}; name other columns with --target-cols")
    return key


def prepare(dataset: Path, directory: Path, columns: Columns, *, validation_share: float) -> None:
    """Split a table into training and validation rows and number its codes, unless that has been done here before.

    Raises:
        DataError: the table cannot be used, or is too small to be split like this.
    """
    if all((directory / name).exists() for name in (TRAINING_NAME, VALIDATION_NAME, KEY_NAME)):
        return
    rows = read_rows(dataset, columns)
    key = number_codes(rows, columns)
    size = int(len(rows) * validation_share)
    if not 0 < size < len(rows):
        raise DataError(
            f"{dataset} has {len(rows)} rows, of which --share-val {validation_share} takes {size} for validation;"
            " expected at least one row on both sides"
        )
    # the rows, and their order, that a pandas table would give for sample(size, random_state=42)
    drawn = np.random.RandomState(SPLIT_SEED).choice(len(rows), size=size, replace=False).tolist()
    is_drawn = set(drawn)
    _write(directory / VALIDATION_NAME, [rows[number] for number in drawn])
    _write(directory / TRAINING_NAME, [row for number, row in enumerate(rows) if number not in is_drawn])
    _write(directory / KEY_NAME, [{"code": code, "label": str(label)} for code, label in key.items()])


def read_key(path: Path) -> Key:
    """Read the labels that ``prepare`` wrote.

    Raises:
        DataError: the file is not one of codes and labels 0, 1, 2, ...
    """
    rows = _read(path)
    key = {row["code"]: int(row["label"]) for row in rows if row.get("label", "").isdecimal() and "code" in row}
    if sorted(key.values()) != list(range(len(rows))):
        raise DataError(f"{path} does not number codes from 0 to {len(rows) - 1}; remove it and prepare the data again")
    return key


def _read(path: Path) -> list[Row]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {error}; expected a CSV file in UTF-8") from error
    ragged = next((number for number, row in enumerate(rows, 2) if None in row or None in row.values()), None)
    if not rows or ragged is not None:
        problem = "no rows" if not rows else f"another number of cells in row {ragged} than in its header"
        raise DataError(f"{path} has {problem}; expected a CSV file with a header and at least one row")
    return rows


def _write(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
