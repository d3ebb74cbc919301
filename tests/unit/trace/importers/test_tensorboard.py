"""TensorBoard event files, read without the package."""

import math
import struct
from pathlib import Path

import pytest

from parity.trace.precision import Precision
from tests.unit.trace.importers.encoders import event, tensor_event
from tests.unit.trace.importers.reading import imported

HERE = Path(__file__).parent
FLOAT32 = Precision("bits", 24)


def float32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def test_an_event_file_of_torch(tmp_path):
    """Written by torch 2.13.0 and tensorboard 2.21.0, with a text and a histogram that are no metrics."""
    series, found = imported(HERE / "torch-2.13.0.tfevents", tmp_path)
    assert series.keys() == {"loss", "new", "double", "nan"}
    assert series["loss"] == ([0, 1, 2], [float32(1 / 3), 0.25, float32(0.2)])
    assert series["new"] == ([1], [float32(0.1)])
    assert series["double"] == ([1], [0.1])
    assert series["nan"][0] == [7]
    assert math.isnan(series["nan"][1][0])
    assert found.precision == {"loss": FLOAT32, "new": FLOAT32, "nan": FLOAT32}
    assert found.remarks == []


def test_all_points_are_read_in_order_and_restarts_stay(tmp_path):
    for name, start in (("tfevents.1", 0), ("tfevents.2", 8000)):
        (tmp_path / name).write_bytes(b"".join(event(step, "loss", step) for step in range(start, start + 12_000)))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "tfevents.3").write_bytes(event(5, "loss", -0.0) + event(3, "loss", math.inf))
    series, _ = imported(tmp_path, tmp_path)
    steps, values = series["loss"]
    assert steps == sorted([*range(12_000), *range(8000, 20_000)])
    assert values == [float(step) for step in steps]
    assert series["sub/loss"][0] == [3, 5]
    assert [math.copysign(1, value) for value in series["sub/loss"][1]] == [1.0, -1.0]


@pytest.mark.parametrize(
    ("kind", "content", "value"),
    [
        (1, struct.pack("<f", 0.5), 0.5),
        (2, struct.pack("<d", 0.1), 0.1),
        (3, struct.pack("<i", -3), -3.0),
        (9, struct.pack("<q", 1 << 40), float(1 << 40)),
        (14, b"\x80\x3f", 1.0),
        (19, struct.pack("<e", 0.25), 0.25),
        (1, struct.pack("<2f", 1, 2), None),
        (7, b"text", None),
    ],
)
def test_a_tensor_is_a_metric_where_it_is_one_number(kind, content, value, tmp_path):
    path = tmp_path / "x.tfevents"
    path.write_bytes(event(0, "other", 1.0) + tensor_event(4, "t", kind, content))
    series, _ = imported(path, tmp_path)
    assert series.get("t") == (None if value is None else ([4], [value]))


def test_an_event_file_is_read_up_to_where_it_is_torn(tmp_path):
    whole = [event(step, "loss", step) for step in range(4)]
    bounds = [sum(map(len, whole[:count])) for count in range(5)]
    data = b"".join(whole)
    path = tmp_path / "x.tfevents"
    for size in range(len(whole[0]), len(data) + 1):
        path.write_bytes(data[:size])
        series, found = imported(path, tmp_path)
        intact = sum(bound <= size for bound in bounds) - 1
        assert series["loss"][0] == list(range(intact)), size
        assert bool(found.remarks) == (size not in bounds), size


def test_a_changed_byte_ends_an_event_file_there(tmp_path):
    whole = [event(step, "loss", step) for step in range(3)]
    path = tmp_path / "x.tfevents"
    for at in range(len(whole[1])):
        damaged = bytearray(whole[1])
        damaged[at] ^= 0x10
        path.write_bytes(whole[0] + damaged + whole[2])
        series, found = imported(path, tmp_path)
        assert series["loss"][0] == [0], at
        assert len(found.remarks) == 1
