"""A cheap look at a tensor's content: whether somebody has written to it since the last look."""

import ctypes
from typing import Any, Final

from ...trace.digests import digest_bytes

_BYTES: Final = 256


def sample(tensor: Any) -> int:
    """Digest of the first bytes of a dense tensor on the CPU, 0 for any other: it must not make a device wait."""
    if not tensor.is_cpu or tensor.is_sparse or hasattr(tensor, "to_local"):
        return 0
    size = min(_BYTES, tensor.untyped_storage().nbytes() - tensor.storage_offset() * tensor.element_size())
    return digest_bytes((ctypes.c_ubyte * size).from_address(tensor.data_ptr())) if size > 0 else 0


def mark(tensor: Any) -> tuple[int, int]:
    """What changes when somebody writes to ``tensor``, as far as can be seen without waiting for a device."""
    return 0 if tensor.is_inference() else tensor._version, sample(tensor)
