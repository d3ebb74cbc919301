"""Digests of tensors while a CUDA device trains: to bring all their bytes to the host would make it wait for each.

Small tensors are packed and come to the host together, to be digested there like any tensor of the host. A larger one
is digested as the sums of its blocks. The bits of each element, as an integer, are multiplied by an odd number that
belongs to the position; the upper half of the product is folded into the lower one, so that signs which change in pairs
are seen; and what is left of all elements is added modulo 2^64. Both steps are invertible: where one element of a block
changes, its sum does. Where several change, sums agree by chance alone, one time in 2^64.

What comes back is owed: it is read, once for all, when the update is complete. Loaded inside recorded programs.
"""

import functools
import hashlib
import sys
from collections.abc import Iterable
from typing import Any, Final

from .digests import ALGORITHM, EMPTY, content, dense, digest_bytes, digest_tensor

BLOCK_SUMS: Final = "block-sums-1"
ON_DEVICES: Final = f"{ALGORITHM}, on CUDA of {BLOCK_SUMS}"
LARGE: Final = 1 << 20
BLOCK: Final = 1 << 21


class Owed:
    """A number that a device still has to give: ``int`` and ``float`` wait for it."""

    __slots__ = ()


class OwedScalar(Owed):
    """The value of a one-element tensor over ``divisor``, whatever becomes of the tensor meanwhile."""

    __slots__ = ("_divisor", "_tensor")

    def __init__(self, tensor: Any, divisor: float) -> None:
        self._tensor, self._divisor = tensor.clone(), divisor

    def __float__(self) -> float:
        return float(self._tensor.item() / self._divisor)


class OwedDigest(Owed):
    """The digest of a part of what a device has packed."""

    __slots__ = ("_packed", "_start", "_stop")

    def __init__(self, packed: "_Packed", start: int, stop: int) -> None:
        self._packed, self._start, self._stop = packed, start, stop

    def __int__(self) -> int:
        return digest_bytes(self._packed.read()[self._start : self._stop])


class _Packed:
    """Bytes on a device, read once."""

    def __init__(self, pieces: list[Any]) -> None:
        import torch

        self._device: Any = torch.cat(pieces)
        self._host: Any = None
        self._bytes = memoryview(b"")

    def read(self) -> memoryview:
        if self._device is not None:
            self._host, self._device = self._device.cpu(), None
            self._bytes = memoryview(content(self._host))
        return self._bytes


def algorithm() -> str:
    """Name of what digests are made with in this process, which need not have torch."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    return ON_DEVICES if getattr(cuda, "_initialized", False) else ALGORITHM


def digest_soon(tensor: Any) -> int | OwedDigest:
    """The digest of ``tensor``, owed where it is on a CUDA device."""
    return digests_soon([tensor])[0] if tensor.is_cuda else digest_tensor(tensor)


def digests_soon(tensors: Iterable[Any]) -> list[int | OwedDigest]:
    """The digests of ``tensors`` as they are now, in their order; those on CUDA devices owed."""
    found: list[int | OwedDigest] = []
    remote: dict[Any, list[tuple[int, Any]]] = {}
    for position, tensor in enumerate(tensors):
        if tensor.is_cuda and tensor.numel():
            found.append(EMPTY)
            remote.setdefault(tensor.device, []).append((position, tensor))
        else:
            found.append(digest_tensor(tensor))
    for held in remote.values():
        for (position, _), owed in zip(held, pack([tensor for _, tensor in held]), strict=True):
            found[position] = owed
    return found


def pack(tensors: list[Any]) -> list[OwedDigest]:
    """Take what digests of ``tensors``, all of one device and none of them empty, are made of."""
    import torch

    with torch.no_grad():
        pieces = [_reduced(dense(tensor)) for tensor in tensors]
        packed = _Packed(pieces)
    owed, start = [], 0
    for piece in pieces:
        stop = start + piece.numel()
        owed.append(OwedDigest(packed, start, stop))
        start = stop
    return owed


def digest_of_zeros(elements: int, size: int) -> int:
    """The digest of a tensor on a device that holds nothing but zeros, each of ``size`` bytes."""
    return digest_bytes(bytes(elements * size if elements * size <= LARGE else 8 * -(-elements // BLOCK)))


def _reduced(tensor: Any) -> Any:
    """What a digest is made of, as bytes: the whole of a small tensor, the sums of a large one's blocks."""
    import torch

    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    flat = tensor.reshape(-1)
    if tensor.nbytes <= LARGE:
        return flat.view(torch.uint8)
    integers = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    bits = flat.view(integers[tensor.element_size()])
    factors = _factors(tensor.device)
    blocks = (bits[start : start + BLOCK] for start in range(0, bits.numel(), BLOCK))
    return torch.stack([_sum(block, factors[: block.numel()]) for block in blocks]).view(torch.uint8)


def _sum(bits: Any, factors: Any) -> Any:
    import torch

    products = bits * factors
    # The dtype is said, for autocast would choose another.
    return products.bitwise_xor_(products >> 32).sum(dtype=torch.int64)


@functools.lru_cache(maxsize=64)
def _factors(device: Any) -> Any:
    """An odd number for each position of a block, the same on every machine; no random number is drawn."""
    import torch

    raw = bytearray(hashlib.shake_128(BLOCK_SUMS.encode()).digest(8 * BLOCK))
    with torch.inference_mode(mode=False):
        return (torch.frombuffer(raw, dtype=torch.int64) | 1).to(device)
