"""Exact 64-bit identities of tensors and bytes.

The digest of a tensor is over its bytes in row-major order; shape and dtype are recorded apart. xxh3 reads at memory
speed; where it is not installed, BLAKE2b stands in and the header of the trace names which one was used.

This module is also loaded inside recorded programs: the standard library only, and torch objects as they come.
"""

import ctypes
import hashlib
from collections.abc import Callable
from typing import Any, Final

Digest = Callable[[Any], int]


def _blake2b(data: Any) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def choose() -> tuple[str, Digest]:
    """Return the name of the digest algorithm available here, and its function from a buffer to 64 bits."""
    try:
        import xxhash
    except ImportError:
        return "blake2b-64", _blake2b
    return "xxh3-64", xxhash.xxh3_64_intdigest


ALGORITHM, digest_bytes = choose()
EMPTY: Final = digest_bytes(b"")


def digest_tensor(tensor: Any) -> int:
    """Digest of a torch tensor's content, on any device, of any layout, the same on all of them.

    Reads the storage in place where the tensor is dense on the CPU: a view through numpy would cost several times more
    and knows no bfloat16.
    """
    tensor = plain(tensor)
    return digest_bytes(content(tensor)) if tensor.nbytes else EMPTY


def plain(tensor: Any) -> Any:
    """``tensor`` itself where its bytes lie in memory as they are digested, else a copy that does."""
    return tensor if _is_plain(tensor) else _make_plain(tensor)


def content(tensor: Any) -> Any:
    """The bytes of a tensor that is plain, in place; good for as long as the tensor lives."""
    return (ctypes.c_ubyte * tensor.nbytes).from_address(tensor.data_ptr())


def _is_plain(tensor: Any) -> bool:
    return bool(
        tensor.is_cpu
        and not tensor.is_sparse
        and tensor.is_contiguous()
        and not tensor.is_neg()
        and not tensor.is_conj()
        and not hasattr(tensor, "to_local")
    )


def _make_plain(tensor: Any) -> Any:
    return dense(tensor).cpu()


def dense(tensor: Any) -> Any:
    """What is here of ``tensor`` where it is, element behind element, as they count."""
    tensor = tensor.detach()
    if hasattr(tensor, "to_local"):
        tensor = tensor.to_local()
    if str(tensor.layout) != "torch.strided":
        tensor = tensor.to_dense()
    return tensor.resolve_conj().resolve_neg().contiguous()
