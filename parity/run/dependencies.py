"""What a recorded run depended on, by content: files, listings of directories, and everything that was told to it."""

import functools
import hashlib
import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from parity.record.launch import Recording
from parity.trace.frames import SCHEMA

PATTERN: Final = "reads-*.json"
_PACKAGE: Final = Path(__file__).resolve().parents[1]
_CHUNK: Final = 1 << 20
_MISSING: Final = "missing"
_PASSING: Final = frozenset({"PWD", "OLDPWD", "SHLVL", "_", "COLUMNS", "LINES", "TERM", "WINDOWID"})
"""Variables that differ from one terminal, job or test to the next: each counts where the program names it."""
_PASSING_FAMILIES: Final = (
    "ACTIONS_", "BUILD_", "CI_", "DBUS_", "GITHUB_", "NOX_", "PYTEST_", "PARITY_", "RUNNER_", "SSH_", "TERM_", "TOX_",
    "VSCODE_", "XDG_RUNTIME_", "XDG_SESSION_",
)  # fmt: skip


def key_of(words: Sequence[str], directory: Path, recording: Recording) -> str:
    """What a run is found by: its command, how it is recorded, by which version, and the machine.

    Paths are part of it, ``{out}`` among them: what a program writes may hold them.
    """
    parts = {
        "words": list(words),
        "directory": str(directory),
        "recording": asdict(recording),
        "machine": [platform.system(), platform.release(), platform.machine(), platform.node(), _processor()],
        "cpus": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "recorder": _recorder(),
        "schema": SCHEMA,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def obstacles(trace: Path, world: int) -> list[str]:
    """Why nobody can tell what the run in ``trace`` depended on; nothing where its lists tell all."""
    lists = [_read(path) for path in sorted(trace.glob(PATTERN))]
    found = [reason for one in lists for reason in one["obstacles"]]
    if len(lists) < world or any(trace.glob(f"{PATTERN}.part")):
        found.insert(0, "a process left no list of the files that it read")
    return list(dict.fromkeys(found))


def dependencies(trace: Path, words: Sequence[str], directory: Path) -> dict[str, dict[str, str]]:
    """Digests of every file, listing and variable that the run in ``trace`` depended on, as they are now."""
    lists = [_read(path) for path in sorted(trace.glob(PATTERN))]
    scripts = [str(directory / word) for word in words if _is_file(directory / word)]
    files = {path for one in lists for path in [*one["files"], one["interpreter"]]} | set(scripts)
    listings = {path for one in lists for path in one["listings"]}
    return {
        "files": {path: digest_file(Path(path)) for path in sorted(files)},
        "listings": {path: _digest_listing(Path(path)) for path in sorted(listings)},
        "variables": variables(os.environ, files),
    }


def holds(stored: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether everything in ``stored`` is what it was."""
    return (
        all(digest_file(Path(path)) == digest for path, digest in stored["files"].items())
        and all(_digest_listing(Path(path)) == digest for path, digest in stored["listings"].items())
        and variables(os.environ, stored["files"]) == stored["variables"]
    )


def changed_since(stored: Mapping[str, Mapping[str, str]], moment: float) -> list[str]:
    """Files that were written or replaced after ``moment``, in seconds: nobody knows which content was read."""
    return [path for path in stored["files"] if _moved(Path(path)) > moment]


def variables(environment: Mapping[str, str], files: Sequence[str] | Mapping[str, str] | set[str]) -> dict[str, str]:
    """The variables that a program could depend on, by digest. What only passes counts if ``files`` name it."""
    passing = {name for name in environment if name in _PASSING or name.startswith(_PASSING_FAMILIES)}
    sources = [path for path in files if path.endswith(".py")]
    named = {name for name in passing if any(name.encode() in _content(path) for path in sources)}
    kept = (environment.keys() - passing) | named
    return {name: hashlib.sha256(environment[name].encode("utf-8", "surrogateescape")).hexdigest() for name in kept}


def digest_file(path: Path) -> str:
    """Digest of a file's content; of what is no file, a word."""
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            for chunk in iter(lambda: file.read(_CHUNK), b""):
                found.update(chunk)
    except IsADirectoryError:
        return "directory"
    except OSError:
        return _MISSING
    return found.hexdigest()


def _digest_listing(path: Path) -> str:
    try:
        names = sorted(one.name for one in path.iterdir() if one.name != "__pycache__")
    except OSError:
        return _MISSING
    return hashlib.sha256("\0".join(names).encode("utf-8", "surrogateescape")).hexdigest()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a word of a command need not be a path: it may be too long for one
        return False


def _moved(path: Path) -> float:
    try:
        status = path.stat()
    except OSError:
        return 0.0
    return max(status.st_mtime, status.st_ctime)


def _content(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


@functools.cache
def _recorder() -> str:
    """Digest of the code that records: another one might leave another trace."""
    return hashlib.sha256("".join(digest_file(path) for path in _sources()).encode()).hexdigest()


def _sources() -> Iterator[Path]:
    for room in ("record", "trace"):
        yield from sorted((_PACKAGE / room).rglob("*.py"))


@functools.cache
def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    driver = digest_file(Path("/proc/driver/nvidia/version"))
    return f"{next((line for line in lines if line.startswith('model name')), platform.processor())}, {driver}"
