"""The file that wandb leaves behind offline: LevelDB's log framing around history records.

The package reads it no longer by itself, so it is read here: blocks of 32 KiB, records cut in pieces (checksum, length,
kind), each a protocol buffer. A file that ends within a record is read up to there.
"""

import struct
import zlib
from pathlib import Path
from typing import Final

from parity.errors import SourceUnreadableError
from parity.trace.importers import protobuf
from parity.trace.importers.points import Imported, Options, Point, numbers, parse_json, read_bytes, whole

MAGIC: Final = b":W&B"
SUFFIX: Final = ".wandb"
BLOCK: Final = 1 << 15
HEADER: Final = struct.Struct("<4sHB")
PIECE: Final = struct.Struct("<IHB")
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
_HISTORY: Final = 2


def accepts(source: Path) -> bool:
    """Whether ``source`` is such a file or a directory that holds some."""
    return source.suffix == SUFFIX if source.is_file() else any(source.rglob(f"*{SUFFIX}"))


def read(source: Path, options: Options) -> Imported:  # noqa: ARG001 - all readers are called alike
    """Read every number of the history, nested ones as ``outer/inner``; wandb's own keys are left out.

    Raises:
        SourceUnreadableError: it is no such file, or a directory with several runs.
    """
    path = _only(source)
    data = read_bytes(path)
    if data[: len(MAGIC)] != MAGIC:
        message = f"{path} does not begin with {MAGIC.decode()!r}: expected a file that wandb has written offline"
        raise SourceUnreadableError(message)
    found = Imported()
    records, end = _records(data)
    for record in records:
        for history in protobuf.parts(record, _HISTORY):
            _take(history, found)
    if end != len(data):
        found.remarks.append(f"{len(data) - end} bytes at the end of {path.name} are no whole record")
    return found


def _only(source: Path) -> Path:
    files = [source] if source.is_file() else sorted({path.resolve() for path in source.rglob(f"*{SUFFIX}")})
    if len(files) != 1:
        listed = ", ".join(str(path) for path in files) or "none"
        message = f"{source} should hold one run, but these were found: {listed}. Name one file."
        raise SourceUnreadableError(message)
    return files[0]


def _records(data: bytes) -> tuple[list[bytes], int]:
    """Every whole record, and where the last one ends."""
    records: list[bytes] = []
    at = end_of_last = HEADER.size
    pieces = b""
    while at + PIECE.size <= len(data):
        room = BLOCK - at % BLOCK
        if room < PIECE.size:
            at += room
            continue
        checksum, length, kind = PIECE.unpack_from(data, at)
        end = at + PIECE.size + length
        if end > len(data) or zlib.crc32(data[at + 6 : end]) != checksum:
            break
        at, piece = end, data[at + PIECE.size : end]
        pieces = piece if kind in (FULL, FIRST) else pieces + piece
        if kind in (FULL, LAST):
            records.append(pieces)
            end_of_last = end
    return records, end_of_last


def _take(history: bytes, found: Imported) -> None:
    """One call of ``log``: its step, and the numbers among its items."""
    items = [_item(item) for item in protobuf.parts(history, 1)]
    step = next((whole(number) for key, number in items if key == "_step" and number is not None), None)
    if step is None:
        step = next((protobuf.integer(one, 1) for one in protobuf.parts(history, 2)), 0)
    for item in protobuf.parts(history, 1):
        tag, value = _key(item), protobuf.text(item, 16)
        if not tag.startswith("_"):
            found.points += [Point(step, name, float(number)) for name, number in numbers(_value(value), tag)]


def _key(item: bytes) -> str:
    nested = [part.decode("utf-8", "replace") for part in protobuf.parts(item, 2)]
    return "/".join(nested) or protobuf.text(item, 1)


def _item(item: bytes) -> tuple[str, float | None]:
    return _key(item), next((number for _, number in numbers(_value(protobuf.text(item, 16)))), None)


def _value(text: str) -> object:
    try:
        return parse_json(text)
    except ValueError:
        return None
