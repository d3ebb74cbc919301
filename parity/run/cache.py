"""Where runs are kept for the next time: a directory of entries, of a bounded size, shared by any number of processes.

An entry is complete from the moment at which it can be seen, and never changes. A lock keeps entries from being dropped
while they are read; the one that was used longest ago is dropped first.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from parity.errors import UsageError

VARIABLE: Final = "PARITY_CACHE"
OFF: Final = "off"
LIMIT: Final = 2 << 30
ENTRY: Final = "entry.json"
_VERSION: Final = "v1"
_LOCK: Final = "lock"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One run that is kept. ``content`` is what was said about it, ``place`` holds its files, ``size`` is in bytes."""

    place: Path
    content: Mapping[str, Any]
    size: int
    used: float


@dataclass(frozen=True, kw_only=True)
class Cache:
    """The entries below ``root``, together at most ``limit`` bytes."""

    root: Path
    limit: int = LIMIT

    def entries(self) -> list[Entry]:
        """All entries, the one that was used last first."""
        with self._locked(fcntl.LOCK_SH):
            return self._found("*")

    def of(self, key: str) -> list[Entry]:
        """The entries of ``key``."""
        with self._locked(fcntl.LOCK_SH):
            return self._found(key)

    def use(self, entry: Entry, targets: Mapping[str, Path]) -> bool:
        """Copy the directories of ``entry`` to ``targets``; False where it has been dropped meanwhile."""
        with self._locked(fcntl.LOCK_SH):
            if not (entry.place / ENTRY).is_file():
                return False
            for name, target in targets.items():
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(entry.place / name, target, symlinks=True)
            with suppress(OSError):
                os.utime(entry.place / ENTRY)
        return True

    def keep(self, key: str, name: str, content: Mapping[str, Any], sources: Mapping[str, Path]) -> bool:
        """Keep copies of the directories ``sources`` under ``key`` and ``name``; False where they are too large.

        Where somebody else has done so first, there is nothing to do.
        """
        size = sum(size_of(source) for source in sources.values())
        if size > self.limit // 2:
            return False
        place = self.root / _VERSION / key / name
        self.root.mkdir(parents=True, exist_ok=True)
        beginning = Path(tempfile.mkdtemp(prefix="new-", dir=self.root))
        try:
            for part, source in sources.items():
                shutil.copytree(source, beginning / part, symlinks=True)
            text = json.dumps({**content, "size": size}, indent=2, sort_keys=True)
            (beginning / ENTRY).write_text(text, encoding="utf-8")
            with self._locked(fcntl.LOCK_EX):
                place.parent.mkdir(parents=True, exist_ok=True)
                if not place.exists():
                    beginning.rename(place)
                self._drop_to(self.limit)
        finally:
            shutil.rmtree(beginning, ignore_errors=True)
        return True

    def prune(self, limit: int) -> list[Entry]:
        """Drop entries until the rest has at most ``limit`` bytes; return them."""
        if not self.root.is_dir():
            return []
        with self._locked(fcntl.LOCK_EX):
            return self._drop_to(limit)

    def _found(self, key: str) -> list[Entry]:
        paths = (self.root / _VERSION).glob(f"{key}/*/{ENTRY}")
        found = [one for path in paths if (one := _entry(path)) is not None]
        return sorted(found, key=lambda one: (-one.used, str(one.place)))

    def _drop_to(self, limit: int) -> list[Entry]:
        dropped, total = [], 0
        for entry in self._found("*"):
            total += entry.size
            if total > limit:
                shutil.rmtree(entry.place, ignore_errors=True)
                with suppress(OSError):
                    entry.place.parent.rmdir()
                dropped.append(entry)
        return dropped

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / _LOCK).open("w") as lock:
            fcntl.flock(lock, how)
            yield


def find_cache(environment: Mapping[str, str]) -> Cache | None:
    """The cache that PARITY_CACHE names, else the one of this user; None where it is off.

    Raises:
        UsageError: the variable names a file.
    """
    named = environment.get(VARIABLE)
    if named == OFF:
        return None
    caches = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    root = Path(named) if named else caches / "parity"
    if root.exists() and not root.is_dir():
        message = f"{VARIABLE}={named} is a file; expected a directory, or {OFF!r} for no cache"
        raise UsageError(message)
    return Cache(root=root.absolute())


def size_of(place: Path) -> int:
    """Bytes of all files below ``place``."""
    return sum(path.lstat().st_size for path in place.rglob("*") if not path.is_dir())


def _entry(path: Path) -> Entry | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Entry(place=path.parent, content=content, size=int(content["size"]), used=path.stat().st_mtime)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # dropped just now, or none of ours
