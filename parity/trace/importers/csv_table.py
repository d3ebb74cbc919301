"""Tables of comma-, semicolon- or tab-separated values with a header: one metric per column."""

import csv
from pathlib import Path

from parity.trace.importers.points import STEPS, Imported, Options, Point, parse_number, read_bytes, whole


def accepts(source: Path) -> bool:
    """Whether ``source`` is named like a table."""
    return source.is_file() and source.suffix.lower() in (".csv", ".tsv")


def read(source: Path, options: Options) -> Imported:  # noqa: ARG001 - all readers are called alike
    """Read every cell that is a number; the first column named like a step is the step, else rows are counted."""
    found = Imported()
    lines = read_bytes(source).decode("utf-8-sig", "replace").splitlines()
    separator = max(",;\t", key=(lines or [""])[0].count)
    table = csv.reader(lines, delimiter=separator)
    head = [name.strip() for name in next(table, [])]
    at = next((head.index(name) for name in STEPS if name in head), None)
    for count, row in enumerate(table):
        cells = dict(zip(head, map(parse_number, row), strict=False))
        step = count if at is None else whole(cells.get(head[at]) or 0.0)
        if step is None or len(row) > len(head) or (at is not None and cells.get(head[at]) is None):
            found.remarks.append(f"row {count + 2} of {source.name} was passed over: it has no whole step")
            continue
        for position, (tag, number) in enumerate(cells.items()):
            if number is not None and position != at:
                found.points.append(Point(step, tag, float(number), number.text))
    found.judge_texts()
    return found
