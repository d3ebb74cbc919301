"""A run as one flat table, for notebooks and databases: one row for each value."""

import csv
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from parity.errors import ExportError
from parity.trace.channels import Kind
from parity.trace.model import Series, Trace

COLUMNS: Final = ("rank", "update", "ordinal", "phase", "channel", "name", "kind")
_TYPED: Final = {kind: kind.value for kind in Kind}


def export(trace: Trace, path: Path) -> int:
    """Write ``trace`` to ``path`` in the format of its suffix and return the number of rows.

    CSV and JSON lines have one column ``value``: floats with every digit, digests in hexadecimal. Parquet has a column
    for each kind of value, bit for bit.

    Raises:
        ExportError: the format is not known, its package is missing, or the file cannot be written.
    """
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        message = f"{path} has no known suffix; expected one of {', '.join(_WRITERS)}"
        raise ExportError(message)
    try:
        return write(trace, path)
    except OSError as error:
        message = f"{path} cannot be written ({error.strerror or error})"
        raise ExportError(message) from error


def _series(trace: Trace) -> Iterator[tuple[int, Series]]:
    return ((process.rank, series) for process in trace.processes for series in process.series.values())


def _rows(trace: Trace) -> Iterator[tuple[Any, ...]]:
    for rank, series in _series(trace):
        channel = series.channel
        same = channel.phase.name.lower(), channel.name, series.name, channel.kind.value
        places = zip(series.updates.tolist(), series.ordinals().tolist(), strict=True)
        for index, (update, ordinal) in enumerate(places):
            yield rank, update, ordinal, *same, series.python(index)


def _write_csv(trace: Trace, path: Path) -> int:
    with path.open("w", encoding="utf-8", errors="surrogatepass", newline="") as file:
        table = csv.writer(file)
        table.writerow((*COLUMNS, "value"))
        return sum(table.writerow(row) > 0 for row in _rows(trace))


def _write_json_lines(trace: Trace, path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for row in _rows(trace):
            *_, value = row
            known = str(value) if isinstance(value, float) and not math.isfinite(value) else value
            file.write(json.dumps(dict(zip((*COLUMNS, "value"), (*row[:-1], known), strict=True))) + "\n")
            count += 1
    return count


def _write_parquet(trace: Trace, path: Path) -> int:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        message = "Parquet needs pyarrow; install it with: pip install 'training-parity[arrow]'"
        raise ExportError(message) from error
    word = pa.dictionary(pa.int32(), pa.string())
    types = (pa.int32(), pa.int64(), pa.int32(), word, word, word, word)
    values = (pa.float64(), pa.int64(), pa.uint64(), pa.string())
    schema = pa.schema([*zip(COLUMNS, types, strict=True), *zip(_TYPED.values(), values, strict=True)])
    count = 0
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for rank, series in _series(trace):
            arrays = [pa.array(column, part.type) for column, part in zip(_columns(rank, series), schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(series)
    return count


def _columns(rank: int, series: Series) -> list[Any]:
    """The columns of one series; those of other kinds are empty."""
    size, channel = len(series), series.channel
    words = channel.phase.name.lower(), channel.name, series.name, channel.kind.value
    held = [str(value) for value in series.values] if channel.kind is Kind.TEXT else series.values
    return [
        np.full(size, rank),
        series.updates,
        series.ordinals(),
        *([word] * size for word in words),
        *(held if kind is channel.kind else [None] * size for kind in _TYPED),
    ]


_WRITERS: Final[dict[str, Callable[[Trace, Path], int]]] = {
    ".csv": _write_csv,
    ".jsonl": _write_json_lines,
    ".parquet": _write_parquet,
}
