"""What a run writes beside its checkpoints: its arguments and a table of evaluations."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path

LOG_NAME, ARGUMENTS_NAME = "logs.csv", "args.yaml"


def append_row(directory: Path, row: Mapping[str, float]) -> None:
    """Add a row to ``logs.csv``, which begins with a header."""
    path = directory / LOG_NAME
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def write_arguments(directory: Path, arguments: Mapping[str, object]) -> None:
    """Write ``args.yaml``, sorted by name; the values are JSON, which is YAML as well."""
    lines = [f"{name}: {json.dumps(arguments[name], default=str)}\n" for name in sorted(arguments)]
    (directory / ARGUMENTS_NAME).write_text("".join(lines), encoding="utf-8")
