"""Looking at what was read, beside what the library itself would load."""

import numpy as np
import torch

from parity.checkpoint.model import Leaf
from parity.checkpoint.reading import read_checkpoint
from parity.checkpoint.tensors import Tensor
from parity.compare.checkpoints import compare_checkpoints

BITS = {torch.bfloat16: torch.uint16, torch.float8_e4m3fn: torch.uint8, torch.float8_e5m2: torch.uint8}


def compare(reference, candidate):
    return compare_checkpoints(read_checkpoint(reference), read_checkpoint(candidate))


def entries(path):
    (unit,) = read_checkpoint(path).units
    assert unit.unreadable == ()
    return unit.entries


def elements(tensor):
    blocks = list(tensor.blocks(7))
    flat = np.concatenate(blocks) if blocks else np.empty(0, tensor.dtype.storage)
    return flat.reshape(tensor.shape)


def assert_same(loaded, found, path=()):
    """Every value that torch loaded was read, with the same type and the same bits."""
    entry = found[path]
    if isinstance(loaded, torch.Tensor):
        assert isinstance(entry, Tensor)
        assert entry.dtype.name == str(loaded.dtype).removeprefix("torch.")
        assert entry.shape == tuple(loaded.shape)
        assert entry.stride == tuple(loaded.stride())
        ours = loaded.detach().view(BITS.get(loaded.dtype, loaded.dtype)).numpy()
        assert elements(entry).tobytes() == ours.tobytes()
    elif isinstance(loaded, dict):
        for key, value in loaded.items():
            assert_same(value, found, (*path, key))
    elif isinstance(loaded, list | tuple) and not isinstance(entry, Leaf):
        for position, value in enumerate(loaded):
            assert_same(value, found, (*path, position))
    elif isinstance(loaded, list | tuple):
        assert repr(entry.value) == repr(tuple(loaded))
        assert entry.type == type(loaded).__name__
    else:
        assert repr(entry.value) == repr(loaded)
        assert entry.type == type(loaded).__name__


def aspects(comparison):
    return [(one.aspect.value, ".".join(str(part) for part in one.key)) for one in comparison.differences]
