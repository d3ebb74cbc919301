"""What wandb and trackio leave behind on the disk, read without the packages."""

import json
import math
from pathlib import Path

import pytest

from parity.errors import SourceUnreadableError
from tests.unit.trace.importers.encoders import trackio_database, wandb_file, wandb_record
from tests.unit.trace.importers.reading import imported

HERE = Path(__file__).parent


def test_a_file_of_wandb(tmp_path):
    """Written by wandb 0.31.0, offline."""
    series, found = imported(HERE / "wandb-0.31.0.wandb", tmp_path)
    assert series.keys() == {"loss", "nan", "inf", "a/b", "late"}
    assert series["loss"] == ([0, 1, 2, 3, 4], [1 / 3, 1 / 4, 1 / 5, 1 / 6, 1 / 7])
    assert series["inf"] == ([0, 1, 2, 3, 4], [-math.inf] * 5)
    assert all(map(math.isnan, series["nan"][1]))
    assert series["a/b"] == ([0, 1, 2, 3, 4], [0.0, 1.0, 2.0, 3.0, 4.0])
    assert series["late"] == ([100], [0.1])
    assert (found.precision, found.remarks) == ({}, [])


def test_records_that_cross_the_blocks_of_wandb(tmp_path):
    """Among these sizes, every number of bytes is left at the end of a block, and records span up to three."""
    path = tmp_path / "run.wandb"
    for size in (10, *range(32_700, 32_750), 70_000):
        padding = json.dumps("x" * size)
        path.write_bytes(wandb_file(wandb_record(step, {"loss": f"{step}.5", "pad": padding}) for step in range(3)))
        series, found = imported(path, tmp_path)
        assert series == {"loss": ([0, 1, 2], [0.5, 1.5, 2.5])}, size
        assert found.remarks == []


def test_what_wandb_logs_beside_numbers_is_left_out(tmp_path):
    items = {"t": '"text"', "b": "true", "h": '{"x": 1, "bins": [1, 2]}', "n": '"NaN"', "_step": "7", "_runtime": "1.5"}
    path = tmp_path / "run.wandb"
    path.write_bytes(wandb_file([wandb_record(3, items)]))
    series, _ = imported(path, tmp_path)
    assert series.keys() == {"h/x", "n"}
    assert series["h/x"] == ([7], [1.0])


def test_a_torn_file_of_wandb_is_read_up_to_there(tmp_path):
    data = wandb_file(wandb_record(step, {"loss": str(step)}) for step in range(3))
    path = tmp_path / "run.wandb"
    path.write_bytes(data[:-3])
    series, found = imported(path, tmp_path)
    assert series == {"loss": ([0, 1], [0.0, 1.0])}
    assert "no whole record" in found.remarks[0]


def test_a_directory_with_two_runs_of_wandb_is_refused(tmp_path):
    for name in ("a.wandb", "b.wandb"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(SourceUnreadableError, match=r"a\.wandb, .*b\.wandb"):
        imported(tmp_path, tmp_path)


@pytest.mark.parametrize("column", ["run_name", "run_id", None])
def test_a_database_of_trackio_of_any_release(column, tmp_path):
    rows = [
        ("r", step, {"loss": 1 / (step + 3), "nan": "NaN", "inf": "-Infinity", "g": {"x": step}}) for step in (0, 1)
    ]
    series, found = imported(trackio_database(tmp_path / "p.db", rows, run_column=column), tmp_path)
    assert series["loss"] == ([0, 1], [1 / 3, 1 / 4])
    assert series["g/x"] == ([0, 1], [0.0, 1.0])
    assert series["inf"] == ([0, 1], [-math.inf] * 2)
    assert all(map(math.isnan, series["nan"][1]))
    assert found.precision == {}


def test_one_of_several_runs_must_be_named(tmp_path):
    path = trackio_database(tmp_path / "p.db", [("a", 0, {"x": 1.5}), ("b", 0, {"x": 2.5})])
    with pytest.raises(SourceUnreadableError, match="a, b; name one with --run"):
        imported(path, tmp_path)
    assert imported(path, tmp_path, run="b")[0] == {"x": ([0], [2.5])}


def test_another_database_is_refused(tmp_path):
    path = tmp_path / "p.db"
    path.write_bytes(b"SQLite format 3\0" + bytes(200))
    with pytest.raises(SourceUnreadableError, match=r"p\.db"):
        imported(path, tmp_path)
