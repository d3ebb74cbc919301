import json
import math
import os

import pytest

from parity.trace.frames import frames
from parity.trace.store import read_process
from parity.trace.wire import FRAMES, Writer, float_bits
from tests.unit.trace.trace_files import HEADER, bits_in, write_observations

FLOATS = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.1,
    5e-324,
    -5e-324,
    2.2250738585072014e-308,
    2.225073858507201e-308,
    1.7976931348623157e308,
    math.inf,
    -math.inf,
    math.nan,
    -math.nan,
]
TEXTS = ["", "plain", "two\nlines", "\0", "\u03bc\u00e9\u4e2d", "\U0001f600", "\ud800", "\udfff lone", "a" * 70_000]


def written(tmp_path, observations, **options):
    path = tmp_path / "rank0.trace"
    write_observations(path, observations, **options)
    return read_process(path)


def test_floats_keep_every_bit(tmp_path):
    process = written(tmp_path, [(0, "loss", "", value) for value in FLOATS])
    assert bits_in(process.get("loss")) == [float_bits(value) for value in FLOATS]


@pytest.mark.parametrize(
    ("value", "bits"),
    [
        (0.0, 0),
        (-0.0, 1 << 63),
        (1.0, 0x3FF0000000000000),
        (5e-324, 1),
        (math.inf, 0x7FF0000000000000),
        (-math.inf, 0xFFF0000000000000),
    ],
)
def test_float_bits(value, bits):
    assert float_bits(value) == bits


def test_texts_survive_whatever_they_hold(tmp_path):
    process = written(tmp_path, [(0, "config", "", text) for text in [*TEXTS, *reversed(TEXTS)]])
    assert process.get("config").values.tolist() == [*TEXTS, *reversed(TEXTS)]


@pytest.mark.parametrize("value", [0, 1, -1, 2**63 - 1, -(2**63)])
def test_integers_keep_their_sign(tmp_path, value):
    assert written(tmp_path, [(0, "micro_steps", "", value)]).get("micro_steps").values.tolist() == [value]


@pytest.mark.parametrize("value", [0, 1, 2**63, 2**64 - 1])
def test_digests_use_all_64_bits(tmp_path, value):
    assert written(tmp_path, [(0, "batch", "0", value)]).get("batch", "0").values.tolist() == [value]


def test_many_series_are_kept_apart_and_in_order(tmp_path):
    names = [f"layer.{number}" for number in range(300)]
    observed = [(u, "gradient", name, u * 1000 + at) for u in range(-1, 4) for at, name in enumerate(names)]
    process = written(tmp_path, observed)
    assert list(process.series) == [("gradient", name) for name in names]
    for at, name in enumerate(names):
        one = process.get("gradient", name)
        assert one.updates.tolist() == [-1, 0, 1, 2, 3]
        assert one.values.tolist() == [(u * 1000 + at) & (2**64 - 1) for u in range(-1, 4)]


def test_values_of_one_update_keep_the_order_of_observation(tmp_path):
    observed = [(0, "loss", "", 3.0), (0, "lr", "g", 9.0), (0, "loss", "", 1.0), (1, "loss", "", 2.0)]
    loss = written(tmp_path, observed).get("loss")
    assert (loss.updates.tolist(), loss.values.tolist()) == ([0, 0, 1], [3.0, 1.0, 2.0])


@pytest.mark.parametrize("name", ["", "a.b.weight", 'tab\tquote"', "\u00b5", "x" * 5000, "\ud83d"])
def test_names_survive(tmp_path, name):
    assert written(tmp_path, [(0, "loss", name, 1.0)]).get("loss", name).values.tolist() == [1.0]


def test_notes_header_and_seal_are_read_back(tmp_path):
    path = tmp_path / "rank3.trace"
    writer = Writer(path, {**HEADER, "rank": 3, "argv": ["train.py", "\udcff"]})
    writer.note({"probe": "clipping", "error": "TypeError"})
    writer.seal({"updates": 0})
    process = read_process(path)
    assert process.rank == 3
    assert process.header["argv"] == ["train.py", "\udcff"]
    assert process.notes == ({"probe": "clipping", "error": "TypeError"},)
    assert (process.sealed, process.lost_bytes, process.file) == ({"updates": 0}, 0, "rank3.trace")


def test_what_is_flushed_is_readable_before_the_end(tmp_path):
    path = tmp_path / "rank0.trace"
    writer = Writer(path, HEADER)
    writer.observe(0, "loss", "", float_bits(1.5))
    assert read_process(path).get("loss") is None
    writer.flush()
    assert read_process(path).get("loss").values.tolist() == [1.5]
    assert read_process(path).sealed is None
    writer.seal({})


def test_a_file_is_never_overwritten(tmp_path):
    path = tmp_path / "rank0.trace"
    Writer(path, HEADER).seal({})
    with pytest.raises(FileExistsError):
        Writer(path, HEADER)


def test_the_format_is_what_the_table_says(tmp_path):
    """Bytes written by hand: a change here is a new schema number."""
    path = tmp_path / "rank0.trace"
    write_observations(path, [(2, "config", "lr", "0.1")])
    data = path.read_bytes()
    found = [(kind, data[start:end]) for kind, start, end in frames(data)]
    assert [kind for kind, _ in found] == [b"H", b"T", b"D", b"V", b"E"]
    assert json.loads(found[0][1]) == {**HEADER, "schema": 1}
    assert found[1][1] == b"\0\0\0\0" + b"0.1"
    assert json.loads(found[2][1]) == [0, "config", "lr"]
    assert found[3][1] == (2).to_bytes(8, "little") + (1).to_bytes(4, "little") + bytes(4) + bytes(8)
    assert found[4][1] == b"{}"


def test_identical_observations_make_identical_bytes(tmp_path):
    observed = [(0, "config", "k", "v"), (0, "loss", "", 1.0), (1, "loss", "", 2.0)]
    for name in ("one", "two"):
        write_observations(tmp_path / name, observed)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_file_whose_header_cannot_be_written_does_not_appear(tmp_path, monkeypatch):
    def full(descriptor, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("parity.trace.frames.os.write", full)
    with pytest.raises(OSError, match="No space"):
        Writer(tmp_path / "rank0.trace", HEADER)
    assert list(tmp_path.iterdir()) == []


def test_a_file_appears_with_its_whole_header(tmp_path, monkeypatch):
    """At every moment of a slow write, the directory holds no trace that could not be read."""
    slow = os.write
    seen = []

    def one_byte(descriptor, data):
        seen.append(list(tmp_path.glob("*.trace")))
        return slow(descriptor, bytes(data[:1]))

    monkeypatch.setattr("parity.trace.frames.os.write", one_byte)
    writer = Writer(tmp_path / "rank0.trace", HEADER)
    assert len(seen) > 50
    assert not any(seen)
    assert read_process(tmp_path / "rank0.trace").header == {**HEADER, "schema": 1}
    writer.seal({})


def test_a_write_that_the_system_does_in_parts_is_whole(tmp_path, monkeypatch):
    slow = os.write
    monkeypatch.setattr("parity.trace.frames.os.write", lambda descriptor, data: slow(descriptor, bytes(data[:3])))
    assert written(tmp_path, [(0, "loss", "", value) for value in FLOATS]).lost_bytes == 0


def test_every_kind_of_frame_that_is_written_is_declared(tmp_path):
    path = tmp_path / "rank0.trace"
    writer = Writer(path, HEADER)
    writer.observe(0, "config", "k", writer.text("v"))
    writer.note({})
    writer.seal({})
    data = path.read_bytes()
    assert {kind.decode() for kind, _, _ in frames(data)} == {kind.letter for kind in FRAMES}
