"""What is read from the source of a program."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Place:
    """A line of a file, the file as written relative to what was read, and a few lines around it."""

    file: str
    line: int
    excerpt: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, kw_only=True)
class Flag:
    """An option of a program.

    ``name`` has no dashes in front, and underscores for those within; ``default`` and ``type`` are source text, empty
    where there is none; ``style`` says by what it is declared: argparse, click, typer, global or dataclass.
    """

    name: str
    default: str
    type: str
    style: str
    place: Place


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A function, method or class.

    ``path`` is its qualified name within its file; ``signature`` its parameters, or the bases of a class; ``body`` a
    digest of its statements, which changes neither with names of its own, nor with comments, docstrings and layout.
    """

    path: str
    kind: str
    signature: str
    body: str
    lines: int
    place: Place

    @property
    def name(self) -> str:
        """The last part of the qualified name."""
        return self.path.rpartition(".")[2]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that the training loop does, in the order of the source."""

    name: str
    place: Place


@dataclass(frozen=True, kw_only=True)
class Feature:
    """Something that a program can do, and the line that shows it."""

    name: str
    place: Place


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """Statistics of one file; ``code`` counts lines that are neither empty nor only a comment.

    ``purpose`` is the first line of its docstring, empty where it has none.
    """

    file: str
    lines: int
    code: int
    bytes: int
    functions: int
    classes: int
    purpose: str = ""


@dataclass(frozen=True, kw_only=True)
class Surface:
    """Everything that was read of one program; ``unread`` holds files that could not be parsed, with the reason."""

    root: Path
    files: tuple[FileFacts, ...]
    flags: tuple[Flag, ...]
    definitions: tuple[Definition, ...]
    steps: tuple[Step, ...]
    features: tuple[Feature, ...]
    unread: tuple[tuple[str, str], ...] = ()
