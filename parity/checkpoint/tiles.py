"""One tensor in pieces, cut along any of its dimensions: read in row-major order without ever being put together."""

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parity.checkpoint.limits import CELLS, PIECES
from parity.checkpoint.tensors import Tensor, row_major
from parity.errors import CheckpointMalformedError, CheckpointTooLargeError

_Indices = tuple[int, ...]
_NOBODY: Final = -1


@dataclass(frozen=True, eq=False)
class Tiled:
    """The bytes of a tensor whose pieces lie elsewhere.

    The cuts of each dimension divide it into ``cells``, each of which belongs to one of the ``pieces``; ``origins``
    says where these begin.
    """

    shape: _Indices
    origins: tuple[_Indices, ...]
    pieces: tuple[Tensor, ...]
    cuts: tuple[list[int], ...]
    cells: NDArray[np.int32]

    @property
    def nbytes(self) -> int:
        """Its length."""
        return math.prod(self.shape) * self.pieces[0].dtype.itemsize

    def chunks(self, start: int, stop: int, size: int) -> Iterator[memoryview]:
        """See ``Source``. A chunk that lies in one piece is not copied."""
        itemsize = self.pieces[0].dtype.itemsize
        pending = b""
        before = 0
        for box in _boxes(self.shape, max(1, size // itemsize)):
            nbytes = math.prod(end - begin for begin, end in box) * itemsize
            first, last = max(start - before, 0), min(stop - before, nbytes)
            before += nbytes
            if first >= last:
                continue
            piece = memoryview(self._elements(box).reshape(-1).view(np.uint8).data)[first:last]
            if not pending and len(piece) == size:
                yield piece
                continue
            pending += piece
            while len(pending) >= size:
                yield memoryview(pending[:size])
                pending = pending[size:]
        if pending:
            yield memoryview(pending)

    def buffer(self) -> None:
        """See ``Source``."""
        return

    def _elements(self, box: tuple[tuple[int, int], ...]) -> NDArray[Any]:
        """The elements of ``box``, contiguous."""
        inside = tuple(
            slice(bisect_right(cuts, begin) - 1, bisect_right(cuts, end - 1))
            for cuts, (begin, end) in zip(self.cuts, box, strict=True)
        )
        storage = np.dtype(self.pieces[0].dtype.storage)
        owners = np.unique(self.cells[inside])
        if len(owners) == 1:
            return np.ascontiguousarray(self._part(int(owners[0]), box)[1], storage)
        made = np.empty([end - begin for begin, end in box], storage)
        for owner in owners:
            where, part = self._part(int(owner), box)
            made[where] = part
        return made

    def _part(self, owner: int, box: tuple[tuple[int, int], ...]) -> tuple[tuple[slice, ...], NDArray[Any]]:
        """What a piece holds of ``box``, and where in the box that is."""
        origin, piece = self.origins[owner], self.pieces[owner]
        spans = [
            (max(begin, at), min(end, at + size))
            for (begin, end), at, size in zip(box, origin, piece.shape, strict=True)
        ]
        within = tuple(slice(low - at, high - at) for (low, high), at in zip(spans, origin, strict=True))
        where = tuple(slice(low - begin, high - begin) for (low, high), (begin, _) in zip(spans, box, strict=True))
        return where, piece.elements()[within]


def joined(shape: _Indices, pieces: list[tuple[_Indices, Tensor]], storage: str) -> Tensor:
    """One tensor of ``shape`` made of pieces, each with the index of its first element.

    Raises CheckpointMalformedError where the pieces do not cover it once each, CheckpointTooLargeError where there are
    too many of them.
    """
    kept = [(origin, piece) for origin, piece in pieces if piece.size]
    if len(kept) > PIECES:
        message = f"a tensor is cut into {len(kept):,} pieces, more than {PIECES:,} are not put together"
        raise CheckpointTooLargeError(message)
    for origin, piece in kept:
        ends = [at + size for at, size in zip(origin, piece.shape, strict=False)]
        if len(origin) != len(shape) or len(piece.shape) != len(shape) or min(origin, default=0) < 0:
            message = f"a piece of shape {piece.shape} at {origin} is no part of a tensor of shape {shape!r:.80}"
            raise CheckpointMalformedError(message)
        if piece.dtype != kept[0][1].dtype or any(end > size for end, size in zip(ends, shape, strict=True)):
            message = f"a piece of shape {piece.shape} at {origin} does not fit into a tensor of shape {shape!r:.80}"
            raise CheckpointMalformedError(message)
    dtype = (kept or pieces)[0][1].dtype
    cuts, cells = _cells(shape, kept)
    tiled = Tiled(shape, tuple(origin for origin, _ in kept), tuple(piece for _, piece in kept), cuts, cells)
    return Tensor(dtype, shape, row_major(shape), tiled, storage=storage)


def _cells(shape: _Indices, pieces: list[tuple[_Indices, Tensor]]) -> tuple[tuple[list[int], ...], NDArray[np.int32]]:
    """The cuts along each dimension, and whose each of the cells between them is."""
    edges = [
        sorted({0, size} | {edge for origin, piece in pieces for edge in (origin[at], origin[at] + piece.shape[at])})
        for at, size in enumerate(shape)
    ]
    counts = [len(one) - 1 for one in edges]
    if math.prod(counts) > CELLS:
        message = f"the pieces of a tensor have too many different edges: {counts} intervals along its dimensions"
        raise CheckpointTooLargeError(message)
    positions = [{edge: at for at, edge in enumerate(one)} for one in edges]
    cells = np.full(counts, _NOBODY, np.int32)
    for owner, (origin, piece) in enumerate(pieces):
        own = tuple(
            slice(known[at], known[at + size]) for known, at, size in zip(positions, origin, piece.shape, strict=True)
        )
        if (cells[own] != _NOBODY).any():
            message = f"the piece at {origin} overlaps another one"
            raise CheckpointMalformedError(message)
        cells[own] = owner
    if (cells == _NOBODY).any():
        index = np.argwhere(cells == _NOBODY)[0]
        place = [one[at] for one, at in zip(edges, index, strict=True)]
        message = f"no piece holds the elements from {place} on"
        raise CheckpointMalformedError(message)
    return tuple(edges), cells


def _boxes(shape: _Indices, count: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Divide a tensor into boxes of at most ``count`` elements that follow each other in row-major order."""
    if not shape:
        yield ()
        return
    inner = math.prod(shape[1:])
    if inner > count:
        for at in range(shape[0]):
            yield from (((at, at + 1), *rest) for rest in _boxes(shape[1:], count))
        return
    step = max(1, count // max(inner, 1))
    whole = tuple((0, size) for size in shape[1:])
    for at in range(0, shape[0], step):
        yield ((at, min(at + step, shape[0])), *whole)
