"""Where the bytes of a tensor are: mapped from a file, held in memory, or inflated piece by piece.

A source is read in chunks, in order. Mapped bytes are never copied: whoever looks at a chunk looks at the page cache.
"""

import mmap
import os
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from parity.checkpoint.limits import INFLATED
from parity.errors import CheckpointMalformedError, CheckpointMissingError, CheckpointTooLargeError

_PIECE: Final = 1 << 16
_EMPTY: Final = memoryview(b"")


class Source(Protocol):
    """A stretch of bytes."""

    @property
    def nbytes(self) -> int:
        """Its length."""

    def chunks(self, start: int, stop: int, size: int) -> Iterator[memoryview]:
        """The bytes from ``start`` to ``stop`` in order; every chunk but the last has ``size`` bytes."""

    def buffer(self) -> memoryview | None:
        """All bytes at once, None where that would mean to hold them in memory."""


@dataclass(frozen=True, eq=False)
class Held:
    """Bytes that can be looked at anywhere: a mapped file, a part of one, or a small object in memory."""

    view: memoryview

    @property
    def nbytes(self) -> int:
        """Its length."""
        return self.view.nbytes

    def chunks(self, start: int, stop: int, size: int) -> Iterator[memoryview]:
        """See ``Source``."""
        for at in range(start, stop, size):
            yield self.view[at : min(at + size, stop)]

    def buffer(self) -> memoryview:
        """See ``Source``."""
        return self.view


@dataclass(frozen=True, eq=False)
class Deflated:
    """A compressed stretch that is inflated anew for each reading, and never held as a whole."""

    packed: memoryview
    nbytes: int

    def __post_init__(self) -> None:
        if self.nbytes > INFLATED:
            message = f"a compressed member inflates to {self.nbytes:,} bytes, more than {INFLATED:,}"
            raise CheckpointTooLargeError(message)

    def chunks(self, start: int, stop: int, size: int) -> Iterator[memoryview]:
        """See ``Source``. Raises CheckpointMalformedError where the stream is damaged or ends early."""
        pending = bytearray()
        skipped = start
        left = stop - start
        for piece in self._pieces():
            if skipped >= len(piece):
                skipped -= len(piece)
                continue
            pending += piece[skipped:]
            skipped = 0
            while left and len(pending) >= min(size, left):
                length = min(size, left)
                yield memoryview(bytes(pending[:length]))
                del pending[:length]
                left -= length
            if not left:
                return
        if left:
            message = f"a compressed member ends {left:,} bytes early"
            raise CheckpointMalformedError(message)

    def buffer(self) -> None:
        """See ``Source``."""
        return

    def _pieces(self) -> Iterator[bytes]:
        engine = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for at in range(0, len(self.packed), _PIECE):
                data = bytes(self.packed[at : at + _PIECE])
                while data and not engine.eof:
                    yield engine.decompress(data, 1 << 20)
                    data = engine.unconsumed_tail
            yield engine.decompress(engine.unconsumed_tail, 1 << 20)
        except zlib.error as error:
            message = f"a compressed member is damaged: {error}"
            raise CheckpointMalformedError(message) from None


@dataclass(frozen=True, eq=False)
class MappedFile:
    """A regular file, mapped for reading. ``mapping`` is None where the file is empty."""

    path: Path
    nbytes: int
    mapping: mmap.mmap | None

    @property
    def view(self) -> memoryview:
        """All its bytes."""
        return memoryview(self.mapping) if self.mapping is not None else _EMPTY

    @property
    def program(self) -> mmap.mmap | bytes:
        """All its bytes as something that can be searched."""
        return self.mapping if self.mapping is not None else b""


def map_file(path: Path) -> MappedFile:
    """Map a regular file.

    Raises CheckpointMissingError for anything else: opening a pipe would wait for a writer, and a device never ends.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        message = f"cannot open {path}: {getattr(error, 'strerror', None) or error}"
        raise CheckpointMissingError(message) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            message = f"{path} is no regular file"
            raise CheckpointMissingError(message)
        mapping = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) if status.st_size else None
        return MappedFile(path, status.st_size, mapping)
    except OSError as error:
        message = f"cannot map {path}: {error.strerror}"
        raise CheckpointMissingError(message) from None
    finally:
        os.close(descriptor)
