"""TensorBoard event files: every point of every scalar, not the sample that its own accumulator keeps.

The framing (TFRecord: length, checksum, record, checksum) and the two messages are read here, without the package. A
file that ends within a record is read up to there.
"""

import struct
from pathlib import Path
from typing import Final

from parity.trace.importers import protobuf
from parity.trace.importers.points import Imported, Options, Point, read_bytes
from parity.trace.precision import FLOAT32_BITS, Precision

PATTERN: Final = "*tfevents*"
_LENGTH: Final = struct.Struct("<QI")
_MASK: Final = 0xFFFFFFFF
_FLOAT, _DOUBLE, _HALF, _BFLOAT16 = 1, 2, 19, 14
_INTEGERS: Final = {3: "<i", 9: "<q"}


def accepts(source: Path) -> bool:
    """Whether ``source`` is an event file or a directory that holds some."""
    return "tfevents" in source.name if source.is_file() else any(source.rglob(PATTERN))


def read(source: Path, options: Options) -> Imported:  # noqa: ARG001 - all readers are called alike
    """Read all event files under ``source``, restarts one after the other; a folder below it goes before the tag."""
    found = Imported()
    files = [source] if source.is_file() else sorted(source.rglob(PATTERN))
    for path in files:
        folder = path.parent.relative_to(source).as_posix() if source.is_dir() else "."
        prefix = "" if folder == "." else f"{folder}/"
        data = read_bytes(path)
        records, end = _records(data)
        for record in records:
            _take(record, prefix, found)
        if end != len(data):
            found.remarks.append(f"{len(data) - end} bytes at the end of {path.name} are no whole record")
    return found


def _records(data: bytes) -> tuple[list[bytes], int]:
    """Every intact record, and where the last one ends."""
    records: list[bytes] = []
    at = 0
    while at + _LENGTH.size <= len(data):
        length, checksum = _LENGTH.unpack_from(data, at)
        start, end = at + _LENGTH.size, at + _LENGTH.size + length + 4
        if end > len(data) or masked_checksum(data[at : at + 8]) != checksum:
            break
        record = data[start : end - 4]
        if masked_checksum(record) != int.from_bytes(data[end - 4 : end], "little"):
            break
        records.append(record)
        at = end
    return records, at


def _take(event: bytes, prefix: str, found: Imported) -> None:
    step = protobuf.integer(event, 2)
    for summary in protobuf.parts(event, 5):
        for value in protobuf.parts(summary, 1):
            tag = prefix + protobuf.text(value, 1)
            number, is_exact = _scalar(value)
            if number is None:
                continue
            found.points.append(Point(step, tag, number))
            if not is_exact:
                found.precision[tag] = Precision("bits", FLOAT32_BITS)


def _scalar(value: bytes) -> tuple[float | None, bool]:
    """The number in a summary value, and whether it is a float64; None for images, histograms and texts."""
    simple = protobuf.floats(value, 2, "f")
    if simple:
        return simple[-1], False
    for tensor in protobuf.parts(value, 8):
        return _tensor(tensor)
    return None, False


def _tensor(tensor: bytes) -> tuple[float | None, bool]:
    kind, content = protobuf.integer(tensor, 1), b"".join(protobuf.parts(tensor, 4))
    if kind in (_FLOAT, _DOUBLE):
        form = "f" if kind == _FLOAT else "d"
        numbers = protobuf.floats(tensor, 5 if kind == _FLOAT else 6, form)
        if len(content) == struct.calcsize(form):
            numbers = [struct.unpack(f"<{form}", content)[0]]
        return (numbers[0] if len(numbers) == 1 else None), kind == _DOUBLE
    if kind == _HALF and len(content) == 2:
        return struct.unpack("<e", content)[0], False
    if kind == _BFLOAT16 and len(content) == 2:
        return struct.unpack("<f", b"\0\0" + content)[0], False
    if kind in _INTEGERS and len(content) == struct.calcsize(_INTEGERS[kind]):
        return float(struct.unpack(_INTEGERS[kind], content)[0]), True
    return None, False


def _table() -> tuple[int, ...]:
    """CRC-32C, reflected."""
    entries = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        entries.append(byte)
    return tuple(entries)


_CRC: Final = _table()


def masked_checksum(data: bytes) -> int:
    """The checksum of the framing: CRC-32C, rotated and shifted so that a checksum of checksums is sound."""
    crc = _MASK
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= _MASK
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & _MASK
