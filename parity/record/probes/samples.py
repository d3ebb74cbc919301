"""A cheap look at a tensor's content: whether somebody has written to it since the last look."""

import ctypes
from typing import Any, Final

from ...trace.digests import digest_bytes

_BYTES: Final = 256
_WINDOW: Final = ctypes.c_ubyte * _BYTES


def sample(tensor: Any) -> int:
    """Digest of the first bytes of a dense tensor on the CPU, 0 for any other: it must not make a device wait."""
    if not tensor.is_cpu or tensor.is_sparse or hasattr(tensor, "to_local"):
        return 0
    size = tensor.nbytes if tensor.is_contiguous() else _bytes_behind(tensor)
    if size >= _BYTES:
        return digest_bytes(_WINDOW.from_address(tensor.data_ptr()))
    return digest_bytes((ctypes.c_ubyte * size).from_address(tensor.data_ptr())) if size > 0 else 0


def _bytes_behind(tensor: Any) -> int:
    """Bytes of the storage from the first element on."""
    return int(tensor.untyped_storage().nbytes() - tensor.storage_offset() * tensor.element_size())


def mark(tensor: Any) -> tuple[int, int]:
    """What changes when somebody writes to ``tensor``, as far as can be seen without waiting for a device."""
    return 0 if tensor.is_inference() else tensor._version, sample(tensor)
