"""The wire: what the trace of one recorded process is made of, frame by frame.

A value is the bit pattern of a float64, an int64, a 64-bit digest or the number of a text, as its channel declares:
NaN, infinities and -0.0 survive exactly. A reader stops at the first frame that is torn or fails its checksum, so
whatever was flushed before a ``kill -9`` stays readable.

This module is also loaded inside recorded programs, so it uses the standard library only.
"""

import struct
from array import array
from pathlib import Path
from typing import Any, Final

from .frames import Appender, FrameKind, json_bytes

SUFFIX: Final = ".trace"
FRAMES: Final = (
    FrameKind("H", "header", "JSON: schema, rank, world, pid, argv, digest algorithm; always the first frame"),
    FrameKind("D", "declare", "JSON `[series, channel, name]`: gives a series its number"),
    FrameKind("T", "text", "u32 number, UTF-8 bytes: gives a text its number"),
    FrameKind(
        "V", "values", "i64 update, u32 count, count x u32 series, count x 8-byte values, in the order of observation"
    ),
    FrameKind(
        "N", "note", "JSON: what the recorder has to say: a probe switched off, an observation that is not possible"
    ),
    FrameKind("E", "end", "JSON: sealed by the process itself; a file without it was ended by a signal or a crash"),
)
_VALUES: Final = struct.Struct("<qI")
_FLOAT: Final = struct.Struct("<d")
_BITS: Final = struct.Struct("<Q")


def float_bits(value: float) -> int:
    """Bit pattern of ``value`` as an unsigned 64-bit integer."""
    bits: int = _BITS.unpack(_FLOAT.pack(value))[0]
    return bits


class Writer(Appender):
    """Writes what one process observes."""

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        super().__init__(path, header)
        self._series: dict[tuple[str, str], int] = {}
        self._texts: dict[str, int] = {}
        self._update = -1
        self._ids = array("I")
        self._values = array("Q")

    def observe(self, update: int, channel: str, name: str, bits: int) -> None:
        """Buffer one value, given as its 64-bit pattern."""
        if update != self._update:
            self._close_values()
            self._update = update
        series = self._series.get((channel, name))
        if series is None:
            series = self._series[channel, name] = len(self._series)
            self._append(b"D", json_bytes([series, channel, name]))
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
        self._append(b"N", json_bytes(content))

    def flush(self) -> None:
        """Close the values of the current update and hand everything over."""
        self._close_values()
        super().flush()

    def seal(self, content: dict[str, Any]) -> None:
        """Write what is left, the end frame, and close the file."""
        self._close_values()
        super().seal(content)

    def _close_values(self) -> None:
        if self._ids:
            head = _VALUES.pack(self._update, len(self._ids))
            self._append(b"V", head + self._ids.tobytes() + self._values.tobytes())
            self._ids, self._values = array("I"), array("Q")


def values_head(view: bytes | memoryview, start: int) -> tuple[int, int, int]:
    """Return ``(update, count, offset of the series numbers)`` of a values frame whose payload begins at ``start``."""
    update, count = _VALUES.unpack_from(view, start)
    return update, count, start + _VALUES.size
