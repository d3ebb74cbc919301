"""Reading gives what torch loads; comparing finds a single bit; no damaged file does anything but be damaged."""

import io

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.checkpoint.nodes import Dictionary, Global, Persistent, Record, Sequence
from parity.checkpoint.reading import read_checkpoint
from parity.checkpoint.stub_unpickler import StubUnpickler
from parity.compare.checkpoints import compare_checkpoints
from parity.errors import ParityError
from tests.unit.checkpoint.hostile import f32, npy, safetensors
from tests.unit.checkpoint.pickles import keyed, tensor
from tests.unit.checkpoint.reading import assert_same, entries
from tests.unit.checkpoint.zips import torch_zip

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.uint8, torch.bool, torch.float16]
INERT = (Dictionary, Sequence, Record, Global, Persistent, type(None), bool, int, float, str, bytes)


@st.composite
def tensors(draw):
    shape = draw(st.lists(st.integers(0, 4), max_size=3))
    whole = torch.arange(int(np.prod(shape)) + 2).to(draw(st.sampled_from(DTYPES)))[1:-1].reshape(shape)
    return whole.transpose(0, 1) if len(shape) > 1 and draw(st.booleans()) else whole


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | tensors()
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4) | st.integers(0, 9), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


@given(tree=trees, zipped=st.booleans())
def test_reads_what_torch_loads(tmp_path_factory, tree, zipped):
    path = tmp_path_factory.mktemp("tree") / "a.pt"
    torch.save({"root": tree}, path, _use_new_zipfile_serialization=zipped)
    assert_same(torch.load(path, weights_only=False), entries(path))


@given(tree=trees)
def test_everything_is_identical_to_itself(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("same") / "a.pt"
    torch.save({"root": tree}, path)
    comparison = compare_checkpoints(read_checkpoint(path), read_checkpoint(path))
    assert comparison.differences == comparison.not_compared == ()
    assert comparison.compared


@given(data=st.data(), shape=st.lists(st.integers(1, 5), min_size=1, max_size=3), dtype=st.sampled_from(DTYPES[:5]))
def test_one_flipped_bit_is_found(tmp_path_factory, data, shape, dtype):
    folder = tmp_path_factory.mktemp("bit")
    size = int(np.prod(shape))
    original = torch.arange(size).to(dtype).reshape(shape)
    at = data.draw(st.integers(0, size - 1))
    bit = data.draw(st.integers(0, 8 * original.element_size() - 1))
    octets = bytearray(original.view(torch.uint8).numpy().tobytes())
    octets[at * original.element_size() + bit // 8] ^= 1 << bit % 8
    changed = torch.frombuffer(octets, dtype=dtype).reshape(shape)
    for name, value in (("a", original), ("b", changed)):
        torch.save({"model": {"same": torch.ones(3), "w": value}}, folder / f"{name}.pt")
    comparison = compare_checkpoints(*(read_checkpoint(folder / f"{name}.pt") for name in "ab"))
    (found,) = comparison.differences
    assert (found.key, found.aspect.value) == (("model", "w"), "value")
    assert found.statistics.differing == 1
    assert found.statistics.compared == size
    assert found.statistics.first == tuple(int(one) for one in np.unravel_index(at, shape))


@settings(max_examples=300)
@given(
    program=st.binary(max_size=60)
    | st.lists(
        st.sampled_from(
            [
                b"(",
                b"]",
                b"}",
                b")",
                b"0",
                b"1",
                b"2",
                b"t",
                b"l",
                b"d",
                b"a",
                b"e",
                b"s",
                b"u",
                b"R",
                b"b",
                b"o",
                b"Q",
                b"q\x00",
                b"h\x00",
                b"K\x01",
                b"cos\nsystem\n",
                b"X\x02\0\0\0id",
                b"\x85",
                b"\x81",
                b"\x93",
                b"\x94",
                b"\x90",
                b"\x91",
                b"N",
            ]
        ),
        max_size=40,
    ).map(b"".join)
)
def test_any_program_gives_inert_nodes(program):
    try:
        node = StubUnpickler(b"\x80\x02" + program + b".").load()
    except ParityError:
        return
    assert type(node) in INERT


def samples():
    stream = io.BytesIO()
    np.savez(stream, a=np.arange(4.0))
    legacy = io.BytesIO()
    torch.save({"w": torch.arange(4.0)}, legacy, _use_new_zipfile_serialization=False)
    rebuilt = keyed(w=tensor("0", "FloatStorage", 4, (2, 2), (1, 2)), step=b"K\x07")
    return {
        ".pt": torch_zip(rebuilt),
        ".pth": legacy.getvalue(),
        ".safetensors": safetensors({"w": f32([4], 0, 16), "b": f32([1], 16, 20)}, bytes(20)),
        ".npz": stream.getvalue(),
        ".npy": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)}") + bytes(16),
        ".json": b'{"a": [1, 2.5, null, {"b": "c"}], "d": true}',
        ".yaml": b"a: [1, 2]\nb:\n  c: d\n",
    }


SAMPLES = samples()


@settings(max_examples=600)
@given(
    suffix=st.sampled_from(sorted(SAMPLES)),
    edits=st.lists(
        st.tuples(st.integers(0, 4000), st.sampled_from([b"", b"\0", b"\xff", b"\x7f", b"(", b"9", b"\x80"])),
        min_size=1,
        max_size=6,
    ),
    cut=st.integers(0, 60),
)
def test_damage_is_an_error_or_a_value(tmp_path_factory, suffix, edits, cut):
    data = bytearray(SAMPLES[suffix])
    for at, replacement in edits:
        place = at % len(data)
        data[place : place + len(replacement)] = replacement
    path = tmp_path_factory.mktemp("damaged") / f"a{suffix}"
    path.write_bytes(data[: len(data) - cut] if cut < len(data) else data)
    comparison = compare_checkpoints(read_checkpoint(path), read_checkpoint(path))
    assert comparison.differences == ()
    assert comparison.compared or comparison.not_compared


def test_the_undamaged_samples_are_readable(tmp_path):
    for suffix, data in SAMPLES.items():
        path = tmp_path / f"a{suffix}"
        path.write_bytes(data)
        assert entries(path), suffix
