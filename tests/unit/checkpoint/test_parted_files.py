"""Tensors in parts: cut among ranks, sparse, or stored in another byte order, as the real libraries write them."""

import pickle
import tracemalloc
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from parity.checkpoint.dtypes import torch_dtype
from parity.checkpoint.reading import read_checkpoint
from parity.checkpoint.sources import Held
from parity.checkpoint.tensors import view
from parity.checkpoint.tiles import joined
from parity.compare.tensors import equal_bits
from tests.unit.checkpoint.reading import aspects, compare, elements, entries
from tests.unit.checkpoint.sharded import Cut, save_cut, save_meshed

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
WHOLE = torch.arange(6 * 8 * 3, dtype=torch.float32).reshape(6, 8, 3)
CUTS = {
    "first": [((0, 0, 0), (2, 8, 3)), ((2, 0, 0), (4, 8, 3))],
    "second": [((0, 0, 0), (6, 3, 3)), ((0, 3, 0), (6, 5, 3))],
    "last": [((0, 0, 0), (6, 8, 1)), ((0, 0, 1), (6, 8, 2))],
    "two": [((row, column, 0), (3, 4, 3)) for column in (4, 0) for row in (0, 3)],
    "three": [((row, column, at), (3, 4, 1)) for row in (0, 3) for column in (0, 4) for at in range(3)],
    "unevenly": [((0, 0, 0), (6, 2, 3)), ((0, 2, 0), (1, 6, 3)), ((1, 2, 0), (5, 6, 2)), ((1, 2, 2), (5, 6, 1))],
    "with an empty piece": [((0, 0, 0), (6, 8, 3)), ((6, 0, 0), (0, 8, 3))],
}


@pytest.mark.parametrize("name", CUTS)
def test_a_tensor_in_pieces_equals_the_whole_one(tmp_path, name):
    save_cut(tmp_path / "cut", w=Cut(WHOLE, CUTS[name]), step=3)
    torch.save({"w": WHOLE, "step": 3}, tmp_path / "whole.pt")
    assert np.array_equal(elements(entries(tmp_path / "cut")["w",]), WHOLE.numpy())
    comparison = compare(tmp_path / "whole.pt", tmp_path / "cut")
    assert comparison.differences == comparison.not_compared == ()
    changed = WHOLE.clone()
    changed[4, 5, 1] += 1
    save_cut(tmp_path / "changed", w=Cut(changed, CUTS[name]), step=3)
    (one,) = compare(tmp_path / "cut", tmp_path / "changed").differences
    assert (one.key, one.statistics.first, one.statistics.differing) == (("w",), (4, 5, 1), 1)


def moved(plan, by):
    """The second piece begins somewhere else."""
    index = next(one for one in plan.storage_data if one.offset == (0, 3, 0))
    place = plan.storage_data.pop(index)
    offset = torch.Size([0, 3 + by, 0])
    plan.storage_data[replace(index, offset=offset)] = place
    plan.state_dict_metadata["w"].chunks[1].offsets = offset


def without_the_second(plan):
    plan.state_dict_metadata["w"].chunks.pop()


def of_seven_rows(plan):
    plan.state_dict_metadata["w"].size = torch.Size([7, 8, 3])


WRONG = {
    "hole": (without_the_second, "no piece holds the elements from [0, 3, 0] on"),
    "short": (of_seven_rows, "no piece holds the elements from [6, 0, 0] on"),
    "overlap": (lambda plan: moved(plan, -1), "the piece at (0, 2, 0) overlaps another one"),
    "outside": (lambda plan: moved(plan, 1), "a piece of shape (6, 5, 3) at (0, 4, 0) does not fit"),
}


@pytest.mark.parametrize("name", WRONG)
def test_pieces_that_do_not_make_a_tensor_are_not_compared(tmp_path, name):
    spoil, reason = WRONG[name]
    path = save_cut(tmp_path / "cut", w=Cut(WHOLE, CUTS["second"]), step=3) / ".metadata"
    plan = pickle.loads(path.read_bytes())
    spoil(plan)
    path.write_bytes(pickle.dumps(plan))
    (unit,) = read_checkpoint(tmp_path / "cut").units
    (lost,) = unit.unreadable
    assert (lost.key, lost.slug) == (("w",), "checkpoint-malformed")
    assert reason in lost.reason
    assert ("step",) in unit.entries


def test_pieces_are_read_in_blocks_of_any_size(tmp_path):
    save_cut(tmp_path / "cut", w=Cut(WHOLE, CUTS["unevenly"]))
    found = entries(tmp_path / "cut")["w",]
    for count in range(1, WHOLE.numel() + 2):
        blocks = list(found.blocks(count))
        assert {len(block) for block in blocks[:-1]} <= {count}
        assert np.array_equal(np.concatenate(blocks), WHOLE.numpy().reshape(-1))
    assert np.array_equal(np.concatenate(list(found.rows(2).blocks(5))), WHOLE[:2].numpy().reshape(-1))


def test_a_mesh_of_ranks_equals_one_process(tmp_path):
    state = {"w": torch.randn(6, 8), "odd": torch.randn(5, 3), "b": torch.randn(3)}
    save_meshed(tmp_path / "ranks", state)
    torch.save(state, tmp_path / "whole.pt")
    assert len(list((tmp_path / "ranks").glob("*.distcp"))) == 4
    comparison = compare(tmp_path / "whole.pt", tmp_path / "ranks")
    assert comparison.differences == comparison.not_compared == ()
    state["odd"][4, 2] += 1
    torch.save(state, tmp_path / "whole.pt")
    assert aspects(compare(tmp_path / "whole.pt", tmp_path / "ranks")) == [("value", "odd")]


ARRAYS = {
    "floats": np.linspace(-1, 1, 12).reshape(3, 4).astype(np.float32),
    "turned": np.asfortranarray(np.arange(12, dtype=np.float64).reshape(3, 4)),
    "counts": np.arange(-3, 3, dtype=np.int64),
    "complex": np.array([1 + 2j, -0.5j], np.complex64),
    "one": np.array(7, np.int16),
}


def swapped(arrays):
    return {name: one.astype(one.dtype.newbyteorder(">")) for name, one in arrays.items()}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed], ids=["stored", "compressed"])
def test_the_byte_order_of_an_array_is_no_difference(tmp_path, save):
    save(tmp_path / "little.npz", **ARRAYS)
    save(tmp_path / "big.npz", **swapped(ARRAYS))
    found = entries(tmp_path / "big.npz")
    for name, array in ARRAYS.items():
        assert np.array_equal(elements(found[name,]), array), name
    comparison = compare(tmp_path / "little.npz", tmp_path / "big.npz")
    assert comparison.differences == comparison.not_compared == ()
    save(tmp_path / "other.npz", **swapped(ARRAYS | {"floats": np.nextafter(ARRAYS["floats"], np.float32(9))}))
    for first in ("little", "big"):
        (one,) = compare(tmp_path / f"{first}.npz", tmp_path / "other.npz").differences
        assert (one.key, one.statistics.ulp, one.statistics.differing) == (("floats",), 1, 12)


def test_the_byte_order_of_a_pickled_array_is_no_difference(tmp_path):
    for name, arrays in (("little", ARRAYS), ("big", swapped(ARRAYS))):
        torch.save(arrays, tmp_path / f"{name}.pt")
    comparison = compare(tmp_path / "little.pt", tmp_path / "big.pt")
    assert comparison.differences == comparison.not_compared == ()


def sparse(layout, **changes):
    dense = torch.tensor([[0.0, 0, 2, 0], [0, 0, 0, 3], [5, 0, 0, 0], [0, 7, 0, 0]])
    for place, value in changes.items():
        dense[int(place[1]), int(place[2])] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dense.to_sparse(layout=layout, blocksize=(2, 2) if "bs" in str(layout) else None)


LAYOUTS = [torch.sparse_coo, torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc]


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_a_sparse_tensor_is_compared_by_its_parts(tmp_path, layout, zipped):
    for name, tensor in (
        ("a", sparse(layout)),
        ("value", sparse(layout, _02=4)),
        ("place", sparse(layout, _02=0, _01=2)),
    ):
        torch.save({"w": tensor}, tmp_path / f"{name}.pt", _use_new_zipfile_serialization=zipped)
    found = entries(tmp_path / "a.pt")
    assert found["w",].kind == f"{layout} tensor"
    assert np.array_equal(elements(found["w", "values"]), sparse(layout).values().numpy())
    assert aspects(compare(tmp_path / "a.pt", tmp_path / "a.pt")) == []
    assert aspects(compare(tmp_path / "a.pt", tmp_path / "value.pt")) == [("value", "w.values")]
    moved = compare(tmp_path / "a.pt", tmp_path / "place.pt").differences
    assert moved
    assert {one.key[:1] for one in moved} == {("w",)}


def test_a_dense_tensor_is_no_sparse_one(tmp_path):
    torch.save({"w": sparse(torch.sparse_coo)}, tmp_path / "a.pt")
    torch.save({"w": sparse(torch.sparse_coo).to_dense()}, tmp_path / "b.pt")
    assert ("type", "w") in aspects(compare(tmp_path / "a.pt", tmp_path / "b.pt"))


def test_pieces_are_never_put_together():
    """256 MB in four pieces, which are the same bytes: what is held is some blocks of 16 MB."""
    side = 1 << 12
    held = Held(memoryview(bytearray(4 * side * side)))
    piece = view(torch_dtype("float32"), (side, side), (side, 1), held)
    pieces = [((row, column), piece) for row in (0, side) for column in (0, side)]
    one, other = (joined((2 * side, 2 * side), pieces, name) for name in "ab")
    assert one.nbytes == 256 << 20
    tracemalloc.start()
    try:
        assert equal_bits(one, other)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (16 << 20) < peak < (100 << 20)
