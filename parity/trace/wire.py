"""The wire: one append-only file per recorded process, made of framed, checksummed records.

Frame = magic ``PT`` (2 bytes), kind (1), payload length (u32), CRC-32 of kind and payload (u32), payload;
little-endian.

====  =========  =====================================================================================================
kind  name       payload
====  =========  =====================================================================================================
H     header     JSON: schema, rank, world, pid, argv, digest algorithm; always the first frame
D     declare    JSON ``[series, channel, name]``: gives a series its number
T     text       u32 number, UTF-8 bytes: gives a text its number
V     values     i64 update, u32 count, count x u32 series, count x 8-byte values, in the order of observation
N     note       JSON: something the recorder has to say (a probe switched off, an observation not possible)
E     end        JSON: sealed by the process itself; a file without it ended by a signal or a crash
====  =========  =====================================================================================================

A value is the bit pattern of a float64, an int64, a 64-bit digest or the number of a text, as its channel declares:
NaN, infinities and -0.0 survive exactly. A reader stops at the first frame that is torn or fails its checksum, so
whatever was flushed before a ``kill -9`` stays readable.

Schema history: 1, first format.

This module is also loaded inside recorded programs, so it uses the standard library only.
"""

import json
import os
import struct
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

SCHEMA: Final = 1
SUFFIX: Final = ".trace"
_MAGIC: Final = b"PT"
_FRAME: Final = struct.Struct("<2ssII")
_VALUES: Final = struct.Struct("<qI")
_FLOAT: Final = struct.Struct("<d")
_BITS: Final = struct.Struct("<Q")


def float_bits(value: float) -> int:
    """Bit pattern of ``value`` as an unsigned 64-bit integer."""
    bits: int = _BITS.unpack(_FLOAT.pack(value))[0]
    return bits


class Writer:
    """Appends frames to one process's file. Raises OSError when the disk refuses."""

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        self._series: dict[tuple[str, str], int] = {}
        self._texts: dict[str, int] = {}
        self._pending = bytearray()
        self._update = -1
        self._ids = array("I")
        self._values = array("Q")
        self._append(b"H", _json({"schema": SCHEMA, **header}))
        self.flush()

    def observe(self, update: int, channel: str, name: str, bits: int) -> None:
        """Buffer one value, given as its 64-bit pattern."""
        if update != self._update:
            self._close_values()
            self._update = update
        series = self._series.get((channel, name))
        if series is None:
            series = self._series[channel, name] = len(self._series)
            self._append(b"D", _json([series, channel, name]))
        self._ids.append(series)
        self._values.append(bits)

    def text(self, value: str) -> int:
        """Return the number of ``value``, writing it on its first use."""
        number = self._texts.get(value)
        if number is None:
            number = self._texts[value] = len(self._texts)
            self._append(b"T", struct.pack("<I", number) + value.encode("utf-8", "surrogatepass"))
        return number

    def note(self, content: dict[str, Any]) -> None:
        """Write a remark of the recorder about itself."""
        self._append(b"N", _json(content))

    def flush(self) -> None:
        """Hand everything buffered to the operating system, where it survives the death of this process."""
        self._close_values()
        view = memoryview(bytes(self._pending))
        self._pending.clear()
        while view:
            view = view[os.write(self._descriptor, view) :]

    def seal(self, content: dict[str, Any]) -> None:
        """Write the end frame and close the file."""
        self._close_values()
        self._append(b"E", _json(content))
        self.flush()
        os.close(self._descriptor)

    def _close_values(self) -> None:
        if self._ids:
            head = _VALUES.pack(self._update, len(self._ids))
            self._append(b"V", head + self._ids.tobytes() + self._values.tobytes())
            self._ids, self._values = array("I"), array("Q")

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


def values_head(view: bytes | memoryview, start: int) -> tuple[int, int, int]:
    """Return ``(update, count, offset of the series numbers)`` of a values frame whose payload begins at ``start``."""
    update, count = _VALUES.unpack_from(view, start)
    return update, count, start + _VALUES.size


def _json(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":"), sort_keys=True).encode()
