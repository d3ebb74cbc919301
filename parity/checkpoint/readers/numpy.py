"""Arrays of numpy: single ones, and archives of them. Arrays of objects are pickles, and read like those."""

import ast
import struct
from typing import Any, Final

from parity.checkpoint.archive import Archive
from parity.checkpoint.dtypes import numpy_dtype
from parity.checkpoint.limits import HELD
from parity.checkpoint.model import Container, Entry, Path, Unreadable, unreadable
from parity.checkpoint.sources import Held, Source
from parity.checkpoint.tensors import Tensor, row_major, view
from parity.errors import CheckpointMalformedError, ParityError

SIGNATURE: Final = b"\x93NUMPY"
_LONGEST_HEADER: Final = 10_000
_LENGTHS: Final = {1: ("<H", 2), 2: ("<I", 4), 3: ("<I", 4)}


def is_npz(archive: Archive) -> bool:
    """Whether every member is an array."""
    return bool(archive.members) and all(name.endswith(".npy") for name in archive.members)


def read_npz(archive: Archive) -> tuple[dict[Path, Entry], tuple[Unreadable, ...]]:
    """The arrays of an archive by name, and those that cannot be read."""
    entries: dict[Path, Entry] = {(): Container("dict")}
    broken: list[Unreadable] = []
    for name in archive.members:
        path = (name.removesuffix(".npy"),)
        try:
            source = archive.source(name)
            if source.nbytes <= HELD and source.buffer() is None:
                source = Held(memoryview(archive.held(name)))
            found, problems = read_npy(source)
        except ParityError as error:
            broken.append(unreadable(error, path))
            continue
        entries |= {path + below: _of_member(entry, name) for below, entry in found.items()}
        broken += [Unreadable(key=path + one.key, slug=one.slug, reason=one.reason) for one in problems]
    return entries, tuple(broken)


def _of_member(entry: Entry, name: str) -> Entry:
    return entry.inside(name) if isinstance(entry, Tensor) else entry


def read_npy(source: Source) -> tuple[dict[Path, Entry], tuple[Unreadable, ...]]:
    """One array.

    Raises CheckpointMalformedError where its header is damaged, CheckpointUnsupportedError for a type without bytes.
    """
    head = next(source.chunks(0, min(source.nbytes, _LONGEST_HEADER + 12), _LONGEST_HEADER + 12), memoryview(b""))
    header, start = _header(bytes(head))
    description, shape, fortran = header.get("descr"), header.get("shape"), header.get("fortran_order")
    if not isinstance(shape, tuple) or not all(type(size) is int for size in shape) or not isinstance(fortran, bool):
        message = f"the header of the array is {header!r:.200}"
        raise CheckpointMalformedError(message)
    if isinstance(description, str) and description.lstrip("|<>=") in ("O", "O8", "object"):
        return _objects(source, start)
    dtype = numpy_dtype(description if isinstance(description, str) else "V0")
    stride = row_major(shape[::-1])[::-1] if fortran else row_major(shape)
    return {(): view(dtype, shape, stride, source, offset=start, storage="array", kind="numpy array")}, ()


def _header(data: bytes) -> tuple[dict[Any, Any], int]:
    if data[:6] != SIGNATURE or len(data) < 12 or data[6] not in _LENGTHS:
        message = "the array does not begin as one"
        raise CheckpointMalformedError(message)
    form, width = _LENGTHS[data[6]]
    (size,) = struct.unpack_from(form, data, 8)
    start = 8 + width + size
    if start > len(data) or size > _LONGEST_HEADER:
        message = f"the array has a header of {size:,} bytes"
        raise CheckpointMalformedError(message)
    try:
        header = ast.literal_eval(data[8 + width : start].decode("latin-1").strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        message = f"the header of the array cannot be read: {error!s:.100}"
        raise CheckpointMalformedError(message) from None
    if not isinstance(header, dict):
        message = "the header of the array is no dictionary"
        raise CheckpointMalformedError(message)
    return header, start


def _objects(source: Source, start: int) -> tuple[dict[Path, Entry], tuple[Unreadable, ...]]:
    from parity.checkpoint.flatten import flatten
    from parity.checkpoint.stub_unpickler import StubUnpickler

    if source.nbytes > HELD:
        message = f"an array of objects of {source.nbytes:,} bytes is not read"
        raise CheckpointMalformedError(message)
    program = b"".join(bytes(chunk) for chunk in source.chunks(start, source.nbytes, 1 << 20))
    return flatten(StubUnpickler(program).load())
