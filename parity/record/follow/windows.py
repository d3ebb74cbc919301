"""One window: everything that a program shows at the boundaries of one update, up to the beginning of the next.

Facts say what stands at a boundary: the digest and the kind of a tensor, or a plain value. The contents follow the
digests and are written once: what was already part of the window before is not written again. A window is a file of
contents, then the facts and the places of the contents, then the length of these in 8 bytes.
"""

import marshal
import mmap
import struct
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

_ALIGNMENT: Final = 64
_LENGTH: Final = struct.Struct("<Q")
Buffer = Any
Contents = Mapping[int, memoryview]


class Fact(NamedTuple):
    """What a program shows at a boundary: a digest and what it is a digest of, or a plain value and no digest."""

    digest: int
    kind: Any


class WindowWriter:
    """Writes the contents as they come, and the facts at the end."""

    def __init__(self, path: Path, before: Iterable[int]) -> None:
        self._path = path
        self._partial = path.with_suffix(".partial")
        self._file = self._partial.open("wb")
        self._before = frozenset(before)
        self._places: dict[int, tuple[int, int]] = {}
        self._facts: dict[str, tuple[int, Any]] = {}

    def add(self, key: str, fact: Fact, content: Callable[[], Buffer] | None = None) -> None:
        """State ``fact`` under ``key``; ``content`` is asked for what no reader has yet."""
        self._facts[key] = tuple(fact)
        if content is None or fact.digest in self._before or fact.digest in self._places:
            return
        position = self._file.tell()
        position += self._file.write(bytes(-position % _ALIGNMENT))
        size = self._file.write(content())
        self._places[fact.digest] = (position, size)

    def close(self) -> frozenset[int]:
        """Let the window be read; return the digests whose content a reader has from now on."""
        held = frozenset(digest for digest, _ in self._facts.values())
        end = marshal.dumps((self._facts, self._places))
        self._file.write(end + _LENGTH.pack(len(end)))
        self._file.close()
        self._partial.replace(self._path)
        return held

    def discard(self) -> None:
        """Leave nothing behind, also where nothing more can be written."""
        with suppress(OSError):
            self._file.close()
        self._partial.unlink(missing_ok=True)


class Window:
    """A window as the other program left it. Its file is mapped and removed at once: only what is needed is read."""

    def __init__(self, path: Path, before: Contents) -> None:
        with path.open("rb") as file:
            # Copied on write: torch wants buffers that may be written to.
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
        path.unlink()
        (length,) = _LENGTH.unpack(view[-_LENGTH.size :])
        facts, places = marshal.loads(view[-_LENGTH.size - length : -_LENGTH.size])
        self._facts = {key: Fact(*fact) for key, fact in facts.items()}
        fresh = {digest: view[position : position + size] for digest, (position, size) in places.items()}
        held = {fact.digest for fact in self._facts.values()}
        self.contents: Contents = {
            digest: content for digest in held if (content := fresh.get(digest, before.get(digest))) is not None
        }

    def fact(self, key: str) -> Fact | None:
        """What stands at the boundary ``key``, or None where the other program did not come there."""
        return self._facts.get(key)

    def facts(self, prefix: str) -> dict[str, Fact]:
        """All facts whose key begins with ``prefix``, in the order in which they were stated."""
        return {key: fact for key, fact in self._facts.items() if key.startswith(prefix)}
