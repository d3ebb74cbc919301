"""A tensor of a checkpoint: its form, and where its bytes are."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity.checkpoint.dtypes import DType
from parity.checkpoint.limits import DIMENSIONS, EXPANDED
from parity.checkpoint.sources import Source
from parity.errors import CheckpointMalformedError, CheckpointTooLargeError, CheckpointUnsupportedError


@dataclass(frozen=True, eq=False)
class Tensor:
    """A view of a storage.

    ``stride`` counts elements and ``offset`` bytes from the start of ``data``. ``storage`` names the storage within
    its file: tensors with the same one are tied. ``kind`` says what else than a plain tensor it was, for example an
    array of numpy.
    """

    dtype: DType
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    data: Source
    offset: int = 0
    storage: str = ""
    kind: str = "tensor"

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the elements."""
        return self.size * self.dtype.itemsize

    @property
    def contiguous(self) -> bool:
        """Whether the elements lie in row-major order without gaps."""
        return _steps(self.shape, self.stride) == _steps(self.shape, row_major(self.shape))

    @property
    def layout(self) -> tuple[int, ...]:
        """The strides that matter: those of dimensions with more than one element."""
        return _steps(self.shape, self.stride)

    def inside(self, place: str) -> "Tensor":
        """The same tensor with a storage that is another one than those of other places."""
        return replace(self, storage=f"{place}: {self.storage}")

    def transposed(self, first: int = 0, second: int = 1) -> "Tensor":
        """The same bytes with two dimensions exchanged."""
        order = list(range(len(self.shape)))
        order[first], order[second] = second, first
        return replace(
            self,
            shape=tuple(self.shape[at] for at in order),
            stride=tuple(self.stride[at] for at in order),
        )

    def rows(self, count: int) -> "Tensor":
        """The first ``count`` entries along the first dimension."""
        return replace(self, shape=(min(count, self.shape[0]), *self.shape[1:]))

    def blocks(self, count: int) -> Iterator[NDArray[Any]]:
        """The elements in row-major order as flat arrays of the storage type, ``count`` in all but the last."""
        if not self.size:
            return
        native = np.dtype(self.dtype.storage)
        if self.contiguous:
            for chunk in self.data.chunks(self.offset, self.offset + self.nbytes, count * native.itemsize):
                yield np.frombuffer(chunk, self.dtype.stored).astype(native, copy=False)
            return
        for block in _even(_pieces(self.elements(), count), count):
            yield block.astype(native, copy=False)

    def elements(self) -> NDArray[Any]:
        """All elements where they are stored, as a view of the type ``dtype.stored``.

        Raises CheckpointUnsupportedError where they are not stored in their order.
        """
        found = self.data.buffer()
        if found is None:
            message = "elements of a compressed or sharded tensor are not stored in their order"
            raise CheckpointUnsupportedError(message)
        return np.lib.stride_tricks.as_strided(
            np.frombuffer(found, self.dtype.stored, offset=self.offset, count=1),
            self.shape,
            tuple(step * self.dtype.itemsize for step in self.stride),
            writeable=False,
        )


def _pieces(view: NDArray[Any], count: int) -> Iterator[NDArray[Any]]:
    """The elements of ``view`` in row-major order, at most ``count`` at a time."""
    if view.size <= count:
        yield np.ascontiguousarray(view).reshape(-1)
        return
    inner = view.size // view.shape[0]
    if inner > count:
        for row in view:
            yield from _pieces(row, count)
        return
    step = count // inner
    for at in range(0, view.shape[0], step):
        yield np.ascontiguousarray(view[at : at + step]).reshape(-1)


def _even(pieces: Iterator[NDArray[Any]], count: int) -> Iterator[NDArray[Any]]:
    """The same elements with ``count`` in every array but the last."""
    pending: list[NDArray[Any]] = []
    held = 0
    for piece in pieces:
        pending.append(piece)
        held += len(piece)
        if held >= count:
            joined = np.concatenate(pending)
            yield joined[:count]
            pending, held = [joined[count:]], held - count
    if held:
        yield np.concatenate(pending)


def row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of elements that lie in row-major order without gaps."""
    strides: list[int] = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def view(
    dtype: DType,
    shape: tuple[int, ...],
    stride: tuple[int, ...],
    data: Source,
    *,
    offset: int = 0,
    storage: str = "",
    kind: str = "tensor",
) -> Tensor:
    """A tensor whose every element lies inside ``data``; ``offset`` counts bytes.

    Raises CheckpointMalformedError where that is not so, CheckpointTooLargeError where a few stored elements are
    repeated into more than anybody can look at.
    """
    if len(shape) > DIMENSIONS or len(shape) != len(stride):
        message = f"a tensor of {len(shape)} dimensions has {len(stride)} strides"
        raise CheckpointMalformedError(message)
    if min((*shape, *stride, offset), default=0) < 0:
        message = f"a tensor has a negative size, stride or offset: {shape!r:.80}, {stride!r:.80}"
        raise CheckpointMalformedError(message)
    tensor = Tensor(dtype, shape, stride, data, offset, storage, kind)
    if not tensor.size:
        return tensor
    last = sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
    end = offset + (last + 1) * dtype.itemsize
    if end > data.nbytes:
        message = f"a tensor of shape {shape!r:.80} needs {_number(end)} bytes, its storage has {data.nbytes:,}"
        raise CheckpointMalformedError(message)
    if tensor.size > max(EXPANDED, data.nbytes // dtype.itemsize):
        message = f"a tensor of shape {shape!r:.80} repeats a storage of {data.nbytes:,} bytes"
        raise CheckpointTooLargeError(message)
    return tensor


def _number(value: int) -> str:
    return f"{value:,}" if value.bit_length() < 128 else "over 2**127"


def _steps(shape: tuple[int, ...], stride: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(step for size, step in zip(shape, stride, strict=True) if size != 1)
