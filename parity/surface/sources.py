"""The source files of a program: a folder, or a script with everything of its own that it imports."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from parity.errors import SurfaceUnreadableError
from parity.surface.model import Place

_MOST_FILES: Final = 2000
_MOST_BYTES: Final = 5_000_000
_SKIPPED: Final = frozenset({"__pycache__", "node_modules", "site-packages", "build", "dist"})
_AROUND: Final = 2


@dataclass(frozen=True, kw_only=True)
class Source:
    """One parsed file; ``name`` is relative to the program, with slashes."""

    path: Path
    name: str
    text: str
    tree: ast.Module

    @cached_property
    def _lines(self) -> list[str]:
        return self.text.splitlines()

    def place(self, line: int) -> Place:
        """The place of ``line``, from 1, with the lines around it."""
        around = self._lines[max(0, line - 1 - _AROUND) : line + _AROUND]
        return Place(file=self.name, line=line, excerpt="\n".join(around).rstrip())


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The files of a program, its entry first, and those that could not be parsed."""

    root: Path
    files: tuple[Source, ...]
    unread: tuple[tuple[str, str], ...]


def read_sources(location: Path) -> Sources:
    """Read a folder of Python files, or a script; of a script and of a package also what they import from beside them.

    Raises:
        SurfaceUnreadableError: there is no such file or folder, nothing in it is Python, or it is beyond all measure.
    """
    location = location.resolve()
    follows = location.is_file() or (location / "__init__.py").is_file()
    if location.is_dir():
        root, wanted = _outside_packages(location), list(_in_folder(location))
    elif location.is_file():
        root, wanted = _outside_packages(location.parent), [location]
    else:
        message = f"{location} is neither a file nor a folder; expected a training script or the folder of a program"
        raise SurfaceUnreadableError(message)
    files: dict[Path, Source] = {}
    unread: list[tuple[str, str]] = []
    while wanted:
        path = wanted.pop(0)
        if path in files or any(name == _name(path, root) for name, _ in unread):
            continue
        if len(files) >= _MOST_FILES:
            message = f"{location} holds more than {_MOST_FILES} Python files; name the folder of one program"
            raise SurfaceUnreadableError(message)
        read = _read(path, root)
        if isinstance(read, str):
            unread.append((_name(path, root), read))
            continue
        files[path] = read
        if follows:
            wanted += _imported(read)
    if not files:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in unread) or "no file ends in .py"
        message = f"nothing in {location} can be read as Python ({reasons})"
        raise SurfaceUnreadableError(message)
    return Sources(root=root, files=tuple(files.values()), unread=tuple(unread))


def read_listed(root: Path, names: Sequence[str]) -> Sources:
    """Read exactly the files ``names`` under ``root``, such as those that a run has loaded.

    Raises:
        SurfaceUnreadableError: none of them can be read.
    """
    files: list[Source] = []
    unread: list[tuple[str, str]] = []
    for name in dict.fromkeys(names):
        read = _read(root / name, root)
        if isinstance(read, str):
            unread.append((name, read))
        else:
            files.append(read)
    if not files:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in unread) or "no file is named"
        message = f"nothing of the program can be read under {root} ({reasons})"
        raise SurfaceUnreadableError(message)
    return Sources(root=root, files=tuple(files), unread=tuple(unread))


def _outside_packages(folder: Path) -> Path:
    """``folder`` itself, or the first one above it that is no package."""
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def _in_folder(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).parts
        if not any(part in _SKIPPED or part.startswith(".") for part in parts) and path.is_file():
            yield path


def _read(path: Path, root: Path) -> Source | str:
    """The parsed file, or why it cannot be."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return f"larger than {_MOST_BYTES:,} bytes"
        text = path.read_text(encoding="utf-8-sig")
        return Source(path=path, name=_name(path, root), text=text, tree=ast.parse(text))
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError) as error:
        return f"{type(error).__name__}: {error}"


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _imported(source: Source) -> Iterator[Path]:
    """Files beside the importing one, or in a package around it, that it imports or executes."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(source.path.parent, alias.name, ())
        elif isinstance(node, ast.ImportFrom):
            start = source.path.parent
            for _ in range(node.level - 1):
                start = start.parent
            yield from _files(start, node.module or "", tuple(alias.name for alias in node.names))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "exec":
            yield from _executed(source, node)


def _files(start: Path, module: str, names: tuple[str, ...]) -> Iterator[Path]:
    """Where ``module``, or ``names`` in it, stand: seen from ``start`` or from a folder above it that is a package."""
    places = [start]
    while (places[-1] / "__init__.py").is_file():
        places.append(places[-1].parent)
    for place in places:
        base = place.joinpath(*module.split(".")) if module else place
        candidates = [
            base.with_suffix(".py"),
            base / "__init__.py",
            *((base / name).with_suffix(".py") for name in names),
        ]
        found = [path for path in candidates if path.is_file()]
        if found:
            yield from found
            return


def _executed(source: Source, call: ast.Call) -> Iterator[Path]:
    for node in ast.walk(call):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.endswith(".py"):
            path = source.path.parent / node.value
            if path.is_file():
                yield path
