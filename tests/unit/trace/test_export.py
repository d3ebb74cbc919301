"""Every value of a run in one table, with nothing rounded."""

import csv
import json
import math
import sys

import pytest

from parity.errors import ExportError
from parity.trace.export import export
from parity.trace.store import read_trace
from parity.trace.wire import float_bits
from tests.unit.trace.trace_files import write_observations, write_run

OBSERVED = [
    (-1, "config", "k", 'a "quoted", text\nof two lines'),
    (0, "loss", "", 0.1),
    (0, "loss", "", 1 / 3),
    (0, "loss", "", math.nan),
    (1, "loss", "", -math.inf),
    (1, "loss", "", -0.0),
    (1, "micro_steps", "", -3),
    (1, "batch", "0", 2**64 - 1),
]
ROWS = [
    (0, -1, 0, "setup", "config", "k", "text", 'a "quoted", text\nof two lines'),
    (0, 0, 0, "loss", "loss", "", "float", 0.1),
    (0, 0, 1, "loss", "loss", "", "float", 1 / 3),
    (0, 0, 2, "loss", "loss", "", "float", math.nan),
    (0, 1, 0, "loss", "loss", "", "float", -math.inf),
    (0, 1, 1, "loss", "loss", "", "float", -0.0),
    (0, 1, 0, "data", "micro_steps", "", "integer", -3),
    (0, 1, 0, "data", "batch", "0", "digest", "ffffffffffffffff"),
    (1, 0, 0, "loss", "loss", "", "float", 2.5),
]


@pytest.fixture
def run(tmp_path):
    write_run(tmp_path / "run", OBSERVED)
    write_observations(tmp_path / "run" / "rank1.trace", [(0, "loss", "", 2.5)], header={"rank": 1})
    return read_trace(tmp_path / "run")


def bits(row):
    return [float_bits(cell) if isinstance(cell, float) else cell for cell in row]


def test_csv(run, tmp_path):
    assert export(run, tmp_path / "run.csv") == len(ROWS)
    with (tmp_path / "run.csv").open(newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert head == ["rank", "update", "ordinal", "phase", "channel", "name", "kind", "value"]
    read = [[*map(int, row[:3]), *row[3:7], float(row[7]) if row[6] == "float" else row[7]] for row in rows]
    expected = [[*row[:7], str(row[7]) if row[6] == "integer" else row[7]] for row in ROWS]
    assert [bits(row) for row in read] == [bits(row) for row in expected]


def test_json_lines(run, tmp_path):
    assert export(run, tmp_path / "run.jsonl") == len(ROWS)
    rows = [json.loads(line, parse_constant=pytest.fail) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    read = [[*list(row.values())[:7], float(row["value"]) if row["kind"] == "float" else row["value"]] for row in rows]
    assert [bits(row) for row in read] == [bits(row) for row in ROWS]


def test_parquet(run, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    assert export(run, tmp_path / "run.parquet") == len(ROWS)
    rows = parquet.read_table(tmp_path / "run.parquet").to_pylist()
    for row, expected in zip(rows, ROWS, strict=True):
        *same, value = expected
        kind = same[-1]
        value = int(value, 16) if kind == "digest" else value
        assert bits([*list(row.values())[:7], row[kind]]) == bits([*same, value])
        assert [row[other] for other in ("float", "integer", "digest", "text") if other != kind] == [None] * 3


@pytest.mark.parametrize("name", ["run.xlsx", "run", "no/such/directory.csv"])
def test_what_cannot_be_written_is_refused(run, tmp_path, name):
    with pytest.raises(ExportError, match=name):
        export(run, tmp_path / name)


def test_parquet_without_its_package_names_the_extra(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExportError, match=r"training-parity\[arrow\]"):
        export(run, tmp_path / "run.parquet")
