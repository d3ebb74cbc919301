"""Comparing two tensors: their bits at the speed of memory, and how far they differ only where they do.

Nothing is held but one block of each side, whatever the size of the tensors.
"""

import ctypes
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parity.checkpoint.dtypes import DType
from parity.checkpoint.tensors import Tensor

_EQUAL_BYTES: Final = 1 << 24
_MEASURED: Final = 1 << 16
_MEMCMP: Final = ctypes.CDLL(None).memcmp
_MEMCMP.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
Tick = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """How far two tensors of one shape differ.

    ``differing`` of ``compared`` elements differ in their bits, ``first`` is the index of the first of them, and
    ``reference`` and ``candidate`` are its values. ``absolute``, ``relative`` (to the reference) and ``ulp`` are the
    largest over all finite pairs, None where they mean nothing; ``cosine`` is that of both tensors as vectors. ``rms``
    is the root of the mean square of both sides. ``not_finite`` counts the elements of each side that are no numbers.
    """

    differing: int
    compared: int
    first: tuple[int, ...]
    reference: object
    candidate: object
    absolute: float | None = None
    relative: float | None = None
    ulp: int | None = None
    cosine: float | None = None
    rms: tuple[float, float] | None = None
    not_finite: tuple[int, int] = (0, 0)


def quiet(_: int) -> None:
    """Report no progress."""


def equal_bits(reference: Tensor, candidate: Tensor, tick: Tick = quiet) -> bool:
    """Whether two tensors of one shape and type hold the same bits.

    Raises an error of reading where the bytes turn out to be damaged.
    """
    assert reference.shape == candidate.shape
    assert reference.dtype == candidate.dtype
    count = max(1, _EQUAL_BYTES // reference.dtype.itemsize)
    for ours, theirs in zip(reference.blocks(count), candidate.blocks(count), strict=True):
        if _MEMCMP(ours.ctypes.data, theirs.ctypes.data, ours.nbytes):
            return False
        tick(ours.nbytes)
    return True


def is_zero(tensor: Tensor) -> bool:
    """Whether every element is zero, of either sign."""
    return all(not tensor.dtype.decode(block).any() for block in tensor.blocks(_MEASURED))


def content(tensor: Tensor) -> int:
    """A digest of 128 bits of what a tensor holds."""
    import xxhash

    state = xxhash.xxh3_128()
    for block in tensor.blocks(max(1, _EQUAL_BYTES // tensor.dtype.itemsize)):
        state.update(np.ascontiguousarray(block).view(np.uint8).data)
    return int(state.intdigest())


def measure(reference: Tensor, candidate: Tensor, tick: Tick = quiet) -> Statistics:
    """How far two tensors of one shape differ; their types may be different ones."""
    sums = _Sums(reference.dtype, candidate.dtype)
    for ours, theirs in zip(reference.blocks(_MEASURED), candidate.blocks(_MEASURED), strict=True):
        sums.add(ours, theirs)
        tick(ours.nbytes)
    return sums.statistics(reference.shape)


class _Sums:
    """What is known after some blocks."""

    def __init__(self, reference: DType, candidate: DType) -> None:
        self._reference = reference
        self._candidate = candidate
        self._numeric = reference.is_numeric and candidate.is_numeric
        self._ulp = 0 if reference == candidate and reference.is_float else None
        self._seen = 0
        self._differing = 0
        self._first = 0
        self._values: tuple[object, object] = (None, None)
        self._absolute = 0.0
        self._relative = 0.0
        self._products = np.zeros(3)
        self._not_finite = [0, 0]

    def add(self, ours: NDArray[Any], theirs: NDArray[Any]) -> None:
        """Add a block of each side."""
        if self._reference == self._candidate and not _MEMCMP(ours.ctypes.data, theirs.ctypes.data, ours.nbytes):
            self._add_equal(ours)
            return
        x, y = self._decoded(ours, self._reference), self._decoded(theirs, self._candidate)
        if self._reference == self._candidate:
            unequal = np.flatnonzero(_raw(ours) != _raw(theirs)) if ours.itemsize <= 8 else _wide(ours, theirs)
        else:
            unequal = np.flatnonzero(~((x == y) | ((x != x) & (y != y))))
        if len(unequal) and not self._differing:
            at = int(unequal[0])
            self._first = self._seen + at
            self._values = _shown(x, ours, at), _shown(y, theirs, at)
        self._differing += len(unequal)
        self._seen += len(ours)
        if self._numeric:
            self._add_numbers(x, y, unequal)
            if self._ulp is not None and len(unequal):
                self._ulp = max(self._ulp, _ulp(ours[unequal], theirs[unequal], x[unequal], y[unequal]))

    def _decoded(self, elements: NDArray[Any], dtype: DType) -> NDArray[Any]:
        return dtype.decode(elements) if self._numeric else elements

    def _add_equal(self, block: NDArray[Any]) -> None:
        """Add a block that is the same on both sides."""
        self._seen += len(block)
        if self._numeric:
            x = self._decoded(block, self._reference)
            self._add_products(x, x)

    def _add_numbers(self, x: NDArray[Any], y: NDArray[Any], unequal: NDArray[np.int64]) -> None:
        self._add_products(x, y)
        p, q = x[unequal], y[unequal]
        finite = np.isfinite(p) & np.isfinite(q)
        p, q = p[finite], q[finite]
        with np.errstate(over="ignore", invalid="ignore"):
            distance = np.abs(q - p)
            self._absolute = max(self._absolute, float(distance.max(initial=0.0)))
            size = np.abs(p)
            ratio = np.divide(distance, size, out=np.zeros_like(distance), where=size > 0)
        self._relative = max(self._relative, float(ratio.max(initial=0.0)))

    def _add_products(self, x: NDArray[Any], y: NDArray[Any]) -> None:
        """Add the scalar products; only where one is not finite, the elements that are not must be left out."""
        with np.errstate(over="ignore", invalid="ignore"):
            own = np.vdot(x, x).real
            products = [own, own, own] if y is x else [np.vdot(x, y).real, own, np.vdot(y, y).real]
            if not np.isfinite(products).all():
                here, there = np.isfinite(x), np.isfinite(y)
                self._not_finite[0] += int(np.count_nonzero(~here))
                self._not_finite[1] += int(np.count_nonzero(~there))
                p, q = np.where(here & there, x, 0), np.where(here & there, y, 0)
                products = [np.vdot(p, q).real, np.vdot(p, p).real, np.vdot(q, q).real]
            self._products += products

    def statistics(self, shape: tuple[int, ...]) -> Statistics:
        """What is known after all blocks of tensors of this shape."""
        both, ours, theirs = self._products
        cosine = float(both / math.sqrt(ours) / math.sqrt(theirs)) if ours > 0 and theirs > 0 else None
        count = max(1, self._seen)
        return Statistics(
            differing=self._differing,
            compared=self._seen,
            first=tuple(int(one) for one in np.unravel_index(self._first, shape)) if self._seen else (),
            reference=self._values[0],
            candidate=self._values[1],
            absolute=self._absolute if self._numeric else None,
            relative=self._relative if self._numeric else None,
            ulp=self._ulp,
            cosine=cosine if self._numeric else None,
            rms=(math.sqrt(ours / count), math.sqrt(theirs / count)) if self._numeric else None,
            not_finite=(self._not_finite[0], self._not_finite[1]),
        )


def _raw(elements: NDArray[Any]) -> NDArray[Any]:
    """The bits of elements as integers; elements of odd sizes as what they are."""
    size = elements.itemsize
    return elements.view(f"u{size}") if size in (1, 2, 4, 8) else elements


def _wide(ours: NDArray[Any], theirs: NDArray[Any]) -> NDArray[np.int64]:
    """Positions of elements of more than 8 bytes that differ."""
    size = ours.itemsize
    pairs = (np.ascontiguousarray(one).view(np.uint8).reshape(-1, size) for one in (ours, theirs))
    return np.flatnonzero(np.any(np.not_equal(*pairs), axis=1))


def _shown(decoded: NDArray[Any], elements: NDArray[Any], at: int) -> object:
    """One value as a plain Python object; integers keep all their digits."""
    kept = elements[at] if elements.dtype.kind == "i" or decoded is elements else decoded[at]
    value = kept.item()
    return value if isinstance(value, bool | int | float) else repr(value)


def _ulp(ours: NDArray[Any], theirs: NDArray[Any], x: NDArray[Any], y: NDArray[Any]) -> int:
    """The largest distance of finite pairs, in steps between neighbouring values of their own type."""
    finite = np.isfinite(x) & np.isfinite(y)
    if not finite.any():
        return 0
    p, q = _ordered(ours[finite]), _ordered(theirs[finite])
    steps = np.maximum(p, q).view(np.uint64) - np.minimum(p, q).view(np.uint64)
    return int(steps.max())


def _ordered(elements: NDArray[Any]) -> NDArray[np.int64]:
    """Map floats to integers so that neighbours are neighbours; both zeros coincide."""
    bits = 8 * elements.itemsize
    raw = elements.view(f"u{elements.itemsize}").astype(np.uint64)
    magnitude = (raw & np.uint64((1 << (bits - 1)) - 1)).view(np.int64)
    return np.where(raw >> np.uint64(bits - 1) != 0, -magnitude, magnitude)
