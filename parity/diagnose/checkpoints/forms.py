"""Causes that change the form of a tensor and keep its numbers: names, order of dimensions and rows, types, ties."""

import itertools
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parity.checkpoint.dtypes import DType
from parity.checkpoint.tensors import Tensor
from parity.compare.checkpoint_model import Aspect, UnitComparison
from parity.compare.tensors import content, equal_bits
from parity.diagnose.checkpoints.case import CheckpointCause, cause, checkpoint_rule, having, listed, tensor_pairs

_MOST_ROWS: Final = 1 << 20
_SHORTEST_ROW: Final = 2
_BLOCK: Final = 1 << 18


@checkpoint_rule(
    (
        "checkpoint-prefix",
        "Keys differ by the prefix of a wrapper.",
        "A strict load fails; one that is not strict leaves these weights as they were initialised.",
        "Save the bare model, or strip the prefix when loading.",
    ),
    (
        "checkpoint-rename",
        "Keys differ by name, and hold the same.",
        "Whoever loads by the reference's names does not find these.",
        "Rename when loading, or tell whoever reads these files.",
    ),
)
def prefix(unit: UnitComparison) -> Iterator[CheckpointCause]:
    """Keys that differ by a prefix, such as that of a wrapper."""
    methods: dict[str, list[tuple[str | int, ...]]] = {}
    for key, method in unit.renames.items():
        methods.setdefault(method, []).append(key)
    for method, keys in methods.items():
        title = f"{len(keys):,} keys are renamed ({method})"
        yield cause(
            unit, "checkpoint-prefix" if "prefix" in method else "checkpoint-rename", title, keys, listed(unit, keys)
        )


@checkpoint_rule(
    (
        "checkpoint-transposed",
        "A matrix holds the same numbers with rows and columns exchanged.",
        "Square matrices load without a complaint and compute something else; others fail to load.",
        "Transpose when loading: one side stores (in, out), the other (out, in).",
    ),
)
def transposed(unit: UnitComparison) -> Iterator[CheckpointCause]:
    """A matrix that holds the same numbers with rows and columns exchanged."""
    suspects = [one.key for one in having(unit, Aspect.SHAPE, Aspect.VALUE)]
    found = [pair.key for pair, ours, theirs in tensor_pairs(unit, suspects) if _is_transposed(ours, theirs)]
    if found:
        yield cause(
            unit,
            "checkpoint-transposed",
            f"{len(found):,} tensors are transposed",
            found,
            f"{listed(unit, found)}: bit for bit the reference's once rows and columns are exchanged",
        )


def _is_transposed(ours: Tensor, theirs: Tensor) -> bool:
    if len(ours.shape) != 2 or ours.dtype != theirs.dtype or theirs.data.buffer() is None:
        return False
    turned = theirs.transposed()
    return turned.shape == ours.shape and min(ours.shape) > 1 and equal_bits(ours, turned)


@checkpoint_rule(
    (
        "checkpoint-permuted-rows",
        "A tensor holds the same rows in another order.",
        "Nothing fails to load, and every row serves another head, expert or token.",
        "Compare the order of heads, experts or the vocabulary.",
    ),
)
def permuted(unit: UnitComparison) -> Iterator[CheckpointCause]:
    """A tensor that holds the same rows in another order."""
    suspects = [one.key for one in having(unit, Aspect.VALUE)]
    for pair, ours, theirs in tensor_pairs(unit, suspects):
        order = _row_order(ours, theirs)
        if order is None:
            continue
        moved = int(np.count_nonzero(order != np.arange(len(order))))
        yield cause(
            unit,
            "checkpoint-permuted-rows",
            f"{moved:,} of {len(order):,} rows are in another place",
            [pair.key],
            f"row 0 of the candidate is row {int(order[0])} of the reference; every row has a counterpart",
        )


def _row_order(ours: Tensor, theirs: Tensor) -> NDArray[np.int64] | None:
    """The reference's row that each of the candidate's rows is, None where the rows are not the same ones."""
    if ours.dtype != theirs.dtype or len(ours.shape) < 2 or not 1 < ours.shape[0] <= _MOST_ROWS:
        return None
    if ours.size // ours.shape[0] < _SHORTEST_ROW:
        return None
    one, other = _row_digests(ours), _row_digests(theirs)
    here, there = np.argsort(one, kind="stable"), np.argsort(other, kind="stable")
    if not np.array_equal(one[here], other[there]):
        return None
    order = np.empty(len(here), np.int64)
    order[there] = here
    return order


def _row_digests(tensor: Tensor) -> NDArray[Any]:
    import xxhash

    width = tensor.size // tensor.shape[0]
    digests = (xxhash.xxh3_64_intdigest(row.tobytes()) for row in tensor.blocks(width))
    return np.fromiter(digests, np.uint64, tensor.shape[0])


@checkpoint_rule(
    (
        "checkpoint-cast",
        "A tensor has another type, and holds what casting the reference gives.",
        "A narrower type has lost digits for good: a resumed run does not go on bit for bit.",
        "Compare where weights are cast: before saving, or by moving the model.",
    ),
)
def cast(unit: UnitComparison) -> Iterator[CheckpointCause]:
    """A tensor in another type that holds what casting the reference gives."""
    found: dict[str, list[tuple[str | int, ...]]] = {}
    for pair, ours, theirs in tensor_pairs(unit, [one.key for one in having(unit, Aspect.DTYPE)]):
        if ours.shape == theirs.shape and _is_cast(ours, theirs):
            found.setdefault(f"{ours.dtype.name} -> {theirs.dtype.name}", []).append(pair.key)
    for kinds, keys in found.items():
        title = f"{len(keys):,} tensors are cast ({kinds})"
        yield cause(
            unit, "checkpoint-cast", title, keys, f"casting the reference's {listed(unit, keys)} gives the candidate's"
        )


def _is_cast(ours: Tensor, theirs: Tensor) -> bool:
    """Whether one side is the other one rounded; a cast to a wider type loses nothing."""
    blocks = zip(ours.blocks(_BLOCK), theirs.blocks(_BLOCK), strict=True)
    return all(
        np.array_equal(_rounded(ours.dtype.decode(one), theirs.dtype), theirs.dtype.decode(other), equal_nan=True)
        for one, other in blocks
    )


def _rounded(values: NDArray[Any], dtype: DType) -> NDArray[Any]:
    """``values`` as they are after a cast to ``dtype``."""
    if dtype.name == "bfloat16":
        with np.errstate(over="ignore"):
            bits = values.astype(np.float32).view(np.uint32).astype(np.uint64)
        even = bits + 0x7FFF + ((bits >> 16) & 1)
        kept = np.where(np.isnan(values), bits, even) >> 16
        return dtype.decode(kept.astype(np.uint16))
    with np.errstate(over="ignore", invalid="ignore"):
        return dtype.decode(values.astype(dtype.storage)) if dtype.is_numeric else values


@checkpoint_rule(
    (
        "checkpoint-untied",
        "Tensors that share their storage in the reference are copies.",
        "The copies are trained apart from the next update on, and the model has more parameters.",
        "Tie again after loading, and save one of them only.",
    ),
)
def untied(unit: UnitComparison) -> Iterator[CheckpointCause]:
    """Tensors that were one and are copies now, equal or already apart."""
    for one in having(unit, Aspect.TIES):
        lost = one.reference is not None and one.reference.startswith("one storage")
        if not lost:
            continue
        shared = [pair for pair in unit.pairs if _same_place(pair.reference, unit, one.key)]
        tensors = [pair.candidate for pair in shared if isinstance(pair.candidate, Tensor)]
        same = all(
            a.shape == b.shape and a.dtype == b.dtype and equal_bits(a, b) for a, b in itertools.pairwise(tensors)
        )
        state = "still hold equal values" if same else "hold different values already"
        keys = [pair.key for pair in shared]
        yield cause(
            unit,
            "checkpoint-untied",
            f"{len(keys):,} tied tensors are copies",
            keys,
            f"reference: {one.reference}",
            f"candidate: the copies {state}",
        )


def _same_place(entry: object, unit: UnitComparison, key: tuple[str | int, ...]) -> bool:
    first = unit.reference.entries.get(key)
    if not isinstance(entry, Tensor) or not isinstance(first, Tensor):
        return False
    return (entry.storage, entry.offset) == (first.storage, first.offset)


@checkpoint_rule(
    (
        "checkpoint-moments-swapped",
        "State of the optimizer belongs to another parameter of the same shape.",
        "A resumed run updates each of these parameters by the history of another one.",
        "Keep the order of parameters and groups, or map the state by name.",
    ),
)
def swapped(unit: UnitComparison) -> Iterator[CheckpointCause]:
    """State of the optimizer that belongs to another parameter of the same shape."""
    suspects = [one.key for one in having(unit, Aspect.VALUE) if one.section.value == "optimizer"]
    pairs = [(pair.key, ours, theirs) for pair, ours, theirs in tensor_pairs(unit, suspects) if ours.size > 1]
    here: dict[tuple[object, ...], tuple[str | int, ...]] = {}
    for key, ours, _ in pairs:
        here.setdefault((key[-1], ours.shape, ours.dtype, content(ours)), key)
    found = {
        key: origin
        for key, _, theirs in pairs
        if (origin := here.get((key[-1], theirs.shape, theirs.dtype, content(theirs)))) not in (None, key)
    }
    if found:
        key, origin = next(iter(found.items()))
        yield cause(
            unit,
            "checkpoint-moments-swapped",
            f"{len(found):,} states of the optimizer belong to other parameters",
            found,
            f"the candidate's {listed(unit, [key])} is the reference's {listed(unit, [origin or ()])} bit for bit",
        )
