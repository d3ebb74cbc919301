"""The file of sketches beside a trace: read by place, and as far as it goes."""

import pytest
import torch

from parity.trace.frames import frames
from parity.trace.sidecar import Sketches
from parity.trace.sketches import BUCKETS, FRAMES, Sketcher, SketchWriter
from tests.unit.trace.trace_files import frame

SKETCHER = Sketcher()


def sketch(tensor):
    return SKETCHER.sketch(tensor).numpy()


def written(path, *rounds):
    writer = SketchWriter(path, {"trace": "rank0-1.trace"})
    for update, sketches in rounds:
        named = [(channel, name, value.numel(), SKETCHER.sketch(value)) for channel, name, value in sketches]
        writer.add(update, named)
    return writer


def test_sketches_are_read_back_by_place(tmp_path):
    one, other = torch.arange(9.0), torch.ones(7)
    first = [("gradient", "a", one), ("parameter", "a", other), ("parameter", "a", one)]
    written(tmp_path / "x.sketches", (0, first), (4, [("parameter", "a", other), ("parameter", "b", one)])).seal({})
    read = Sketches(tmp_path / "x.sketches")
    assert read.updates() == [0, 4]
    for place, value in [
        (("gradient", "a", 0, 0), one),
        (("parameter", "a", 0, 0), other),
        (("parameter", "a", 0, 1), one),
        (("parameter", "a", 4, 0), other),
        (("parameter", "b", 4, 0), one),
    ]:
        elements, stored = read.get(*place)
        assert (elements, stored.tolist()) == (value.numel(), sketch(value).tolist()), place
    assert read.get("parameter", "a", 0, 2) is None
    assert read.get("parameter", "a", 3, 0) is None


def test_sketches_are_readable_up_to_where_the_file_is_torn(tmp_path):
    path = tmp_path / "x.sketches"
    writer, ends = written(path), []
    for update in range(3):
        writer.add(update, [("parameter", "a", 1, SKETCHER.sketch(torch.ones(1)))])
        ends.append(path.stat().st_size)
    data = path.read_bytes()
    assert {kind.decode() for kind, _, _ in frames(data)} == {kind.letter for kind in FRAMES} - {"E"}
    for size in range(len(data) + 1):
        (tmp_path / "torn.sketches").write_bytes(data[:size])
        assert Sketches(tmp_path / "torn.sketches").updates() == list(range(sum(end <= size for end in ends))), size
    writer.seal({})


@pytest.mark.parametrize("data", [b"", b"something else", None])
def test_a_file_that_is_none_holds_nothing(data, tmp_path):
    if data is not None:
        (tmp_path / "x.sketches").write_bytes(data)
    assert Sketches(tmp_path / "x.sketches").get("parameter", "a", 0, 0) is None


def test_a_block_that_is_shorter_than_it_says_ends_the_reading(tmp_path):
    path = tmp_path / "x.sketches"
    written(path, (0, [("parameter", "a", torch.ones(1))]))
    with path.open("ab") as file:
        file.write(frame(b"S", (1).to_bytes(8, "little") + (9).to_bytes(4, "little") + bytes(40)))
    assert Sketches(path).updates() == [0]
    assert Sketches(path).get("parameter", "a", 1, 0) is None


def test_sketches_of_another_kind_are_not_mixed_with_ours(tmp_path, monkeypatch):
    monkeypatch.setattr("parity.trace.sketches.ALGORITHM", "countsketch-64-2")
    written(tmp_path / "x.sketches", (0, [("parameter", "a", torch.ones(1))])).seal({})
    assert Sketches(tmp_path / "x.sketches").updates() == []


def test_the_size_of_a_sketch_on_disk(tmp_path):
    path = tmp_path / "x.sketches"
    writer = written(path)
    many = [("parameter", f"layer.{number}", torch.ones(1)) for number in range(100)]
    named = [(channel, name, 1, SKETCHER.sketch(value)) for channel, name, value in many]
    writer.add(0, named)
    before = path.stat().st_size
    writer.add(1, named)
    assert path.stat().st_size - before == 11 + 12 + 100 * (4 + 4 * BUCKETS)
    writer.seal({})
