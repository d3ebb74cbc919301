"""Reading the sketches beside a trace; only a comparison that finds a difference ever does."""

import json
import mmap
import struct
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from parity.trace.frames import SCHEMA, frames
from parity.trace.sketches import ALGORITHM, BUCKETS
from parity.trace.wire import values_head

_BYTES: Final = 4 * BUCKETS


class Sketches:
    """The sketches of one process, indexed when they are first asked for. What cannot be read is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, channel: str, name: str, update: int, ordinal: int) -> tuple[int, NDArray[np.float32]] | None:
        """Number of elements and sketch of the value at ``ordinal`` within ``update``; None where none was made."""
        content = self._content
        elements = content.series.get((channel, name), {})
        for ids_at, count in content.blocks.get(update, ()):
            for position, number in enumerate(struct.unpack_from(f"<{count}I", content.data, ids_at)):
                if number in elements:
                    ordinal -= 1
                    if ordinal < 0:
                        at = ids_at + 4 * count + _BYTES * position
                        return elements[number], np.frombuffer(content.data, "<f4", BUCKETS, at)
        return None

    def rows(self, channel: str, name: str) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """All sketches of one series in the order of observation: updates, numbers of elements, one sketch a row."""
        held = self._rows.get((channel, name), [])
        data = self._content.data
        sketches = [np.frombuffer(data, "<f4", BUCKETS, at) for _, _, at in held]
        return (
            np.array([update for update, _, _ in held], dtype=np.int64),
            np.array([elements for _, elements, _ in held], dtype=np.int64),
            np.stack(sketches) if sketches else np.empty((0, BUCKETS), dtype=np.float32),
        )

    @cached_property
    def _rows(self) -> dict[tuple[str, str], list[tuple[int, int, int]]]:
        """Update, number of elements and offset of each sketch, by series."""
        content = self._content
        known = {number: (key, size) for key, sizes in content.series.items() for number, size in sizes.items()}
        found: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
        for update in sorted(content.blocks):
            for ids_at, count in content.blocks[update]:
                for position, number in enumerate(struct.unpack_from(f"<{count}I", content.data, ids_at)):
                    if number in known:
                        key, elements = known[number]
                        at = ids_at + 4 * count + _BYTES * position
                        found.setdefault(key, []).append((update, elements, at))
        return found

    def updates(self) -> list[int]:
        """The updates that were sketched."""
        return sorted(self._content.blocks)

    @cached_property
    def _content(self) -> "_Content":
        try:
            with self.path.open("rb") as file:
                return _index(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError, TypeError, IndexError, KeyError, AttributeError, struct.error):
            return _Content(b"")


@dataclass
class _Content:
    """A file, the number and size of each series by channel and name, and where the blocks of each update are."""

    data: bytes | mmap.mmap
    series: dict[tuple[str, str], dict[int, int]] = field(default_factory=dict)
    blocks: dict[int, list[tuple[int, int]]] = field(default_factory=dict)


def _index(data: mmap.mmap) -> _Content:
    found = _Content(data)
    view = memoryview(data)
    for kind, start, stop in frames(view):
        if kind == b"H":
            header = json.loads(data[start:stop])
            if (header["schema"], header["sketch"]) != (SCHEMA, ALGORITHM):
                return _Content(b"")
        elif kind == b"D":
            number, channel, name, elements = json.loads(data[start:stop])
            found.series.setdefault((channel, name), {})[int(number)] = int(elements)
        elif kind == b"S":
            update, count, ids_at = values_head(view, start)
            if ids_at + (4 + _BYTES) * count != stop:
                return found
            found.blocks.setdefault(update, []).append((ids_at, count))
    return found
