"""Reading protocol buffers without their schema: fields by number, as the caller knows them to be."""

import struct
from collections.abc import Iterator
from typing import Final

Field = int | bytes

_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2
_FIXED32: Final = 5
_SIZES: Final = {_FIXED64: 8, _FIXED32: 4}
_LONGEST: Final = 10


def fields(message: bytes) -> Iterator[tuple[int, Field]]:
    """Yield number and value of each field: integers for varints, bytes for everything else.

    Raises:
        ValueError: this is no protocol buffer.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in _SIZES:
            size = _SIZES[kind]
        else:
            message_text = f"wire type {kind} of field {number}"
            raise ValueError(message_text)
        if at + size > len(message):
            message_text = f"field {number} is longer than its message"
            raise ValueError(message_text)
        yield number, message[at : at + size]
        at += size


def parts(message: bytes, number: int) -> Iterator[bytes]:
    """All values of one field that holds bytes or messages."""
    return (value for found, value in fields(message) if found == number and isinstance(value, bytes))


def text(message: bytes, number: int) -> str:
    """The last value of one field as text, empty where it is absent."""
    return [b"", *parts(message, number)][-1].decode("utf-8", "replace")


def integer(message: bytes, number: int) -> int:
    """The last value of one integer field, 0 where it is absent; int64 as it was meant."""
    value = [0, *(value for found, value in fields(message) if found == number and isinstance(value, int))][-1]
    return value - (1 << 64) if value >> 63 else value


def floats(message: bytes, number: int, form: str) -> list[float]:
    """All values of one field of floats, packed or not; ``form`` is ``f`` or ``d``."""
    data = b"".join(parts(message, number))
    size = struct.calcsize(f"<{form}")
    return [value for (value,) in struct.iter_unpack(f"<{form}", data)] if len(data) % size == 0 else []


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(_LONGEST):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value & ((1 << 64) - 1), at
    message_text = "a number does not end"
    raise ValueError(message_text)
