"""Safetensors: a JSON header with the place of each tensor, and their bytes."""

import struct
from typing import Any, Final

from parity.checkpoint.dtypes import safetensors_dtype
from parity.checkpoint.limits import HEADER_BYTES
from parity.checkpoint.model import Container, Entry, Leaf, Path, Unreadable, unreadable
from parity.checkpoint.readers.side_files import parse_json
from parity.checkpoint.sources import Held
from parity.checkpoint.tensors import Tensor, row_major, view
from parity.errors import CheckpointMalformedError, CheckpointTooLargeError, ParityError

_METADATA: Final = "__metadata__"


def is_safetensors(data: memoryview) -> bool:
    """Whether the file begins with the length of a JSON header, and the header."""
    return len(data) >= 10 and data[8] == ord("{") and struct.unpack_from("<Q", data)[0] <= len(data) - 8


def read_safetensors(data: memoryview) -> tuple[dict[Path, Entry], tuple[Unreadable, ...]]:
    """Every tensor, and those that contradict the file.

    Raises CheckpointMalformedError or CheckpointTooLargeError where the header cannot be read.
    """
    header, body = _header(data)
    entries: dict[Path, Entry] = {(): Container("dict")}
    broken: list[Unreadable] = []
    spans: list[tuple[int, int, str]] = []
    for name, description in header.items():
        if name == _METADATA:
            entries |= _metadata(description)
            continue
        try:
            entries[(name,)] = tensor = _tensor(body, description)
        except ParityError as error:
            broken.append(unreadable(error, (name,)))
            continue
        if tensor.nbytes:
            spans.append((tensor.offset, tensor.offset + tensor.nbytes, name))
    for name in _overlapping(spans):
        del entries[(name,)]
        shared = CheckpointMalformedError(f"the bytes of tensor {name!r:.200} are those of another one too")
        broken.append(unreadable(shared, (name,)))
    return entries, tuple(broken)


def _header(data: memoryview) -> tuple[dict[str, Any], Held]:
    (size,) = struct.unpack_from("<Q", data) if len(data) >= 8 else (0,)
    if size > HEADER_BYTES:
        message = f"the header claims {size:,} bytes, more than {HEADER_BYTES:,} are not read"
        raise CheckpointTooLargeError(message)
    if not size or 8 + size > len(data):
        message = f"the file of {len(data):,} bytes ends before its header of {size:,} bytes does"
        raise CheckpointMalformedError(message)
    header = parse_json(bytes(data[8 : 8 + size]), unique=True)
    if not isinstance(header, dict):
        message = "the header is no JSON object"
        raise CheckpointMalformedError(message)
    return header, Held(data[8 + size :])


def _tensor(body: Held, description: Any) -> Tensor:
    fields = description if isinstance(description, dict) else {}
    shape: Any = fields.get("shape")
    offsets: Any = fields.get("data_offsets")
    dtype = fields.get("dtype")
    if not (_are_sizes(shape) and _are_sizes(offsets) and len(offsets) == 2 and isinstance(dtype, str)):
        message = f"a tensor is described by {description!r:.200}"
        raise CheckpointMalformedError(message)
    begin, end = offsets
    sizes = tuple(shape)
    tensor = view(safetensors_dtype(dtype), sizes, row_major(sizes), body, offset=begin, storage=f"at {begin}")
    if not begin <= end <= body.nbytes or tensor.nbytes != end - begin:
        message = f"a tensor of {tensor.nbytes:,} bytes is said to lie between {begin:,} and {end:,}"
        raise CheckpointMalformedError(message)
    return tensor


def _are_sizes(numbers: Any) -> bool:
    return isinstance(numbers, list) and len(numbers) <= 64 and all(type(one) is int and one >= 0 for one in numbers)


def _overlapping(spans: list[tuple[int, int, str]]) -> list[str]:
    """Names of the tensors that share bytes with one that begins before them."""
    found: list[str] = []
    reached = 0
    for start, stop, name in sorted(spans):
        if start < reached:
            found.append(name)
        reached = max(reached, stop)
    return found


def _metadata(content: Any) -> dict[Path, Entry]:
    pairs = content.items() if isinstance(content, dict) else []
    return {(_METADATA, name): Leaf(type(value).__name__, str(value)) for name, value in pairs}
