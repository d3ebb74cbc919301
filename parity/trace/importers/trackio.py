"""Trackio's database: one row per call of ``log``, a JSON object in it. Its tables grow from release to release."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from parity.errors import SourceUnreadableError
from parity.trace.importers.points import Imported, Options, Point, numbers, parse_json

MAGIC: Final = b"SQLite format 3\0"
_NEEDED: Final = ("step", "metrics")
_RUN_COLUMNS: Final = ("run_name", "run_id", "run")


def accepts(source: Path) -> bool:
    """Whether ``source`` is an SQLite database, or a directory with one."""
    if source.is_file():
        with source.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    return any(source.glob("*.db"))


def read(source: Path, options: Options) -> Imported:
    """Read the metrics of one run of a project.

    Raises:
        SourceUnreadableError: it is no such database, or holds several runs and none was named.
    """
    path = _only(source)
    found = Imported()
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            for step, stored in _rows(database, path, options):
                for tag, number in numbers(parse_json(stored)):
                    found.points.append(Point(int(step), tag, float(number)))
    except (sqlite3.Error, ValueError) as error:
        message = f"{path} cannot be read ({error}); expected a database that trackio has written"
        raise SourceUnreadableError(message) from error
    return found


def _only(source: Path) -> Path:
    files = [source] if source.is_file() else sorted(source.glob("*.db"))
    if len(files) != 1:
        listed = ", ".join(path.name for path in files) or "none"
        message = f"{source} should hold one database, but these were found: {listed}. Name one file."
        raise SourceUnreadableError(message)
    return files[0]


def _rows(database: sqlite3.Connection, path: Path, options: Options) -> list[tuple[Any, Any]]:
    columns = [str(row[1]) for row in database.execute("PRAGMA table_info(metrics)")]
    if not set(_NEEDED) <= set(columns):
        message = f"{path} has no table 'metrics' with the columns step and metrics, but {columns or 'none'}"
        raise SourceUnreadableError(message)
    order = "id" if "id" in columns else "rowid"
    column = next((name for name in _RUN_COLUMNS if name in columns), None)
    if column is None:
        return database.execute(f"SELECT step, metrics FROM metrics ORDER BY {order}").fetchall()
    runs = [str(row[0]) for row in database.execute(f"SELECT DISTINCT {column} FROM metrics ORDER BY 1")]
    name = options.run or (runs[0] if len(runs) == 1 else None)
    if name not in runs:
        message = f"{path} holds the runs {', '.join(runs) or 'none'}; name one with --run"
        raise SourceUnreadableError(message)
    query = f"SELECT step, metrics FROM metrics WHERE {column} = ? ORDER BY {order}"
    return database.execute(query, (name,)).fetchall()
