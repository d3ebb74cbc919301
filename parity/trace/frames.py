"""Frames: checksummed records in an append-only file, readable up to the last whole one whoever dies.

Frame = magic ``PT`` (2 bytes), kind (1), payload length (u32), CRC-32 of kind and payload (u32), payload;
little-endian. Each file declares its kinds; ``docs/trace-format.md`` is generated from them.

This module is also loaded inside recorded programs, so it uses the standard library only.
"""

import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

HISTORY: Final = {1: "first format"}
SCHEMA: Final = max(HISTORY)
_MAGIC: Final = b"PT"
_FRAME: Final = struct.Struct("<2ssII")


@dataclass(frozen=True)
class FrameKind:
    """One kind of record: the letter that stands in its frame, and what its payload holds."""

    letter: str
    name: str
    payload: str


class Appender:
    """Appends frames to one file, buffered until :meth:`flush`. Raises OSError when the disk refuses.

    The file appears under its name together with its whole header: whoever dies before leaves no trace, not a broken
    one.
    """

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        self._pending = bytearray()
        self._append(b"H", json_bytes({"schema": SCHEMA, **header}))
        self._descriptor = _create(path, bytes(self._pending))
        self._pending.clear()

    def flush(self) -> None:
        """Hand everything buffered to the operating system, where it survives the death of this process."""
        view = memoryview(bytes(self._pending))
        self._pending.clear()
        _write_all(self._descriptor, view)

    def seal(self, content: dict[str, Any]) -> None:
        """Write the end frame and close the file."""
        self._append(b"E", json_bytes(content))
        self.flush()
        os.close(self._descriptor)

    def _append(self, kind: bytes, payload: bytes) -> None:
        self._pending += _FRAME.pack(_MAGIC, kind, len(payload), zlib.crc32(payload, zlib.crc32(kind)))
        self._pending += payload


def frames(data: bytes | memoryview) -> Iterator[tuple[bytes, int, int]]:
    """Yield ``(kind, start, end)`` of the payload of every intact frame, stopping at the first damaged one."""
    view = memoryview(data)
    offset, size = 0, len(view)
    while offset + _FRAME.size <= size:
        magic, kind, length, checksum = _FRAME.unpack_from(view, offset)
        start = offset + _FRAME.size
        end = start + length
        if magic != _MAGIC or end > size or zlib.crc32(view[start:end], zlib.crc32(kind)) != checksum:
            return
        yield kind, start, end
        offset = end


def json_bytes(content: object) -> bytes:
    """``content`` as compact JSON with sorted keys."""
    return json.dumps(content, separators=(",", ":"), sort_keys=True).encode()


def _create(path: Path, header: bytes) -> int:
    """Create the file with its header under another name, then give it its own; return its descriptor.

    Raises:
        FileExistsError: there is such a file already; a trace is never overwritten.
        OSError: the disk refuses; nothing is left behind.
    """
    if path.exists():
        message = f"{path} exists already"
        raise FileExistsError(message)
    beginning = path.with_name(path.name + ".new")
    descriptor = os.open(beginning, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
    try:
        _write_all(descriptor, memoryview(header))
        beginning.rename(path)
    except OSError:
        os.close(descriptor)
        beginning.unlink(missing_ok=True)
        raise
    return descriptor


def _write_all(descriptor: int, view: memoryview) -> None:
    while view:
        view = view[os.write(descriptor, view) :]
