"""Making a changed copy of the trainers."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from tests.mutants.rows import Edit

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def plant(name: str, edits: Iterable[Edit], directory: Path) -> Path:
    """Copy the trainers into a place under ``directory`` and change them there; return the place."""
    place = directory / "sources" / name
    shutil.copytree(ROOT / "trainers", place / "trainers", ignore=shutil.ignore_patterns("__pycache__"))
    for edit in edits:
        apply(edit, place / "trainers")
    return place


def apply(edit: Edit, trainers: Path) -> None:
    """Change one file, or move it where the row says ``old path -> new path``."""
    source, arrow, target = edit.file.partition(" -> ")
    if arrow:
        (trainers / source).rename(trainers / target)
        return
    path = trainers / edit.file
    text = path.read_text(encoding="utf-8")
    found = text.count(edit.old)
    assert found == edit.times, f"{edit.file} holds {edit.old!r} {found} times, the catalogue says {edit.times}"
    path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
