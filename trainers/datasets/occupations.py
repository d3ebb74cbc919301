"""Descriptions of occupations with their codes, made up: a stand-in for transcribed registers.

Its bytes depend on the seed alone: only ``random.random`` is drawn from, whose sequence Python guarantees.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

Choice = TypeVar("Choice")

CODES = {
    "farmer": ("61110", "100"),
    "farm servant": ("62120", "820"),
    "fisherman": ("64100", "910"),
    "baker": ("77610", "500"),
    "tailor": ("79100", "590"),
    "shoemaker": ("80110", "582"),
    "carpenter": ("95410", "510"),
    "mason": ("95120", "504"),
    "sailor": ("98135", "673"),
    "teacher": ("13000", "093"),
    "physician": ("06105", "075"),
    "shop keeper": ("41025", "290"),
}
"""The five digits of HISCO and the three of the American census of 1950."""
QUALITIES = ("", "", "", "master ", "apprentice ", "retired ")
LANGUAGES = ("en", "da", "se", "unk")
CENSUS_COLUMN = "occ1950"
TARGET_COLUMNS = ("code1", "code2", "code3", "code4", "code5")
CODES_PER_ROW = (1, 1, 1, 1, 2, 2, 3, 5)
TRAIN_ROWS, VALIDATION_ROWS = 40, 13
"""An odd number of validation rows, which no two processes can share evenly."""


def write_occupations(directory: Path, *, seed: int, rows: int = TRAIN_ROWS) -> None:
    """Write train.csv and val.csv, and data.csv, which is both."""
    directory.mkdir(parents=True, exist_ok=True)
    generator = random.Random(seed)
    # a row without a code and one that names the same code twice are as common as they are awkward
    train = [_row(generator, count=0), _row(generator, count=2, is_repeated=True)]
    train += [_row(generator, count=_one_of(CODES_PER_ROW, generator)) for _ in range(rows - len(train))]
    validation = [_row(generator, count=_one_of(CODES_PER_ROW, generator)) for _ in range(VALIDATION_ROWS)]
    for name, table in (("train.csv", train), ("val.csv", validation), ("data.csv", train + validation)):
        with (directory / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(
                file, fieldnames=("occ1", "lang", *TARGET_COLUMNS, CENSUS_COLUMN), lineterminator="\n"
            )
            writer.writeheader()
            writer.writerows(table)


def _row(generator: random.Random, *, count: int, is_repeated: bool = False) -> dict[str, str]:
    names = [_one_of(tuple(CODES), generator) for _ in range(count)]
    if is_repeated:
        names = names[:1] * count
    text = " and ".join(_one_of(QUALITIES, generator) + name for name in names) or "no occupation given"
    codes = [CODES[name][0] for name in names] + [""] * (len(TARGET_COLUMNS) - count)
    return {
        "occ1": text,
        "lang": _one_of(LANGUAGES, generator),
        **dict(zip(TARGET_COLUMNS, codes, strict=True)),
        CENSUS_COLUMN: CODES[names[0]][1] if names else "",
    }


def _one_of(choices: Sequence[Choice], generator: random.Random) -> Choice:
    return choices[int(generator.random() * len(choices))]
