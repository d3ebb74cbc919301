"""What every rank is doing, in a file that all ranks of a run and the process that watches them map into memory.

Each rank writes its own part only, as a whole; a reader that comes in between sees that by the checksum, and goes on
with what it knew.

Also loaded inside recorded programs: the standard library only.
"""

import json
import mmap
import os
import struct
import zlib
from typing import Any, Final

SLOT_BYTES: Final = 1 << 16
_HEAD: Final = struct.Struct("<QII")
_ATTEMPTS: Final = 100
_MASK: Final = (1 << 32) - 1


class Slot:
    """The part of one rank. ``beat`` counts how often it was written."""

    def __init__(self, path: str, rank: int) -> None:
        descriptor = os.open(path, os.O_RDWR)
        try:
            self._memory = mmap.mmap(descriptor, SLOT_BYTES, offset=rank * SLOT_BYTES)
        finally:
            os.close(descriptor)
        self.beat = 0

    def write(self, state: dict[str, Any]) -> None:
        """Replace what this rank has said. What does not fit loses its history, which is not needed to go on."""
        text = json.dumps(state).encode()
        if len(text) > SLOT_BYTES - _HEAD.size:
            text = json.dumps({**state, "issued": {}}).encode()
        self.beat += 1
        self._memory[_HEAD.size : _HEAD.size + len(text)] = text
        _HEAD.pack_into(self._memory, 0, self.beat, len(text), zlib.crc32(text, self.beat & _MASK))


class Table:
    """All parts, as the watching process reads them."""

    def __init__(self, path: str, world: int) -> None:
        """Make the file; pages that nobody writes take no memory."""
        self.path = path
        self.world = world
        with open(path, "wb") as file:
            file.truncate(world * SLOT_BYTES)
        with open(path, "rb") as file:
            self._memory = mmap.mmap(file.fileno(), world * SLOT_BYTES, prot=mmap.PROT_READ)
        self._states: list[dict[str, Any]] = [{} for _ in range(world)]
        self.beats = [0] * world

    def read(self) -> list[dict[str, Any]]:
        """What each rank said last; an empty state for one that has said nothing yet."""
        for rank in range(self.world):
            if _HEAD.unpack_from(self._memory, rank * SLOT_BYTES)[0] != self.beats[rank]:
                self._read(rank)
        return self._states

    def _read(self, rank: int) -> None:
        start = rank * SLOT_BYTES
        for _ in range(_ATTEMPTS):
            beat, length, checksum = _HEAD.unpack_from(self._memory, start)
            text = self._memory[start + _HEAD.size : start + _HEAD.size + min(length, SLOT_BYTES)]
            # A head that is being written may be zero in part, and nothing at all has the checksum zero.
            if text and zlib.crc32(text, beat & _MASK) == checksum:
                self.beats[rank], self._states[rank] = beat, json.loads(text)
                return

    def close(self) -> None:
        """Remove the file."""
        self._memory.close()
        os.unlink(self.path)
