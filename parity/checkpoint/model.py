"""A checkpoint as a flat index: every key with what it holds, and everything that could not be read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from parity.checkpoint.nodes import Primitive
from parity.checkpoint.tensors import Tensor
from parity.errors import ParityError

Path: TypeAlias = tuple[str | int, ...]
Entry: TypeAlias = "Tensor | Leaf | Container"
_DICTIONARIES = frozenset({"dict", "collections.OrderedDict", "collections.defaultdict"})


@dataclass(frozen=True)
class Leaf:
    """A value that is no tensor. ``value`` is a tuple where a list or tuple holds nothing but primitives."""

    type: str
    value: Primitive | tuple[Primitive, ...]


@dataclass(frozen=True)
class Container:
    """Something that holds other things under keys, by the name of its type."""

    kind: str

    @property
    def family(self) -> str:
        """What it is used as; kinds of dictionaries load alike."""
        return "dict" if self.kind in _DICTIONARIES else self.kind


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A part of a checkpoint that could not be read: the slug of an error, and its message."""

    key: Path
    slug: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One file, or the files that make up one object, such as the shards of a model.

    ``files`` gives their sizes in bytes. ``entries`` is in the order of the file.
    """

    name: str
    format: str
    files: Mapping[str, int]
    entries: Mapping[Path, Entry] = field(default_factory=dict)
    unreadable: tuple[Unreadable, ...] = ()

    @property
    def nbytes(self) -> int:
        """Size on disk."""
        return sum(self.files.values())

    @property
    def tensors(self) -> dict[Path, Tensor]:
        """The keys that hold tensors."""
        return {path: entry for path, entry in self.entries.items() if isinstance(entry, Tensor)}


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Everything that was found under one location."""

    source: str
    units: tuple[Unit, ...]

    @property
    def nbytes(self) -> int:
        """Size on disk."""
        return sum(unit.nbytes for unit in self.units)


def unreadable(error: ParityError, key: Path = ()) -> Unreadable:
    """What is left of a part that could not be read."""
    return Unreadable(key=key, slug=error.slug, reason=str(error)[:400])


def spelled(path: Path) -> str:
    """A key as it is shown: names joined by dots, positions in brackets."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "(root)"
