"""Reading everything that a program offers."""

import ast
from collections.abc import Iterable, Sequence
from pathlib import Path

from parity.surface.definitions import read_definitions
from parity.surface.features import read_features
from parity.surface.flags import read_flags
from parity.surface.model import Feature, FileFacts, Flag, Surface
from parity.surface.sources import Source, Sources, read_listed, read_sources
from parity.surface.steps import read_steps


def read_surface(location: Path) -> Surface:
    """Read a script with what it imports from beside it, or a folder. Nothing is executed.

    Raises:
        SurfaceUnreadableError: there is nothing that could be read.
    """
    return _surface(read_sources(location))


def read_surface_of(root: Path, names: Sequence[str]) -> Surface:
    """Read exactly the files ``names`` under ``root``. Nothing is executed.

    Raises:
        SurfaceUnreadableError: none of them can be read.
    """
    return _surface(read_listed(root, names))


def _surface(sources: Sources) -> Surface:
    return Surface(
        root=sources.root,
        files=tuple(_facts(source) for source in sources.files),
        flags=tuple(_declared_once(flag for source in sources.files for flag in read_flags(source))),
        definitions=tuple(one for source in sources.files for one in read_definitions(source)),
        steps=tuple(read_steps(sources.files)),
        features=tuple(_shown_once(one for source in sources.files for one in read_features(source))),
        unread=sources.unread,
    )


def _declared_once(flags: Iterable[Flag]) -> Iterable[Flag]:
    """One flag of each name: a configuration class repeats what the command line or the globals declare."""
    chosen: dict[str, Flag] = {}
    for flag in flags:
        known = chosen.get(flag.name)
        if known is None or (known.style == "dataclass" and flag.style != "dataclass"):
            chosen[flag.name] = flag
    return chosen.values()


def _shown_once(features: Iterable[Feature]) -> list[Feature]:
    chosen: dict[str, Feature] = {}
    for feature in features:
        chosen.setdefault(feature.name, feature)
    return [chosen[name] for name in sorted(chosen)]


def _facts(source: Source) -> FileFacts:
    lines = source.text.splitlines()
    nodes = list(ast.walk(source.tree))
    return FileFacts(
        file=source.name,
        lines=len(lines),
        code=sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in lines),
        bytes=len(source.text.encode("utf-8", "surrogatepass")),
        functions=sum(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in nodes),
        classes=sum(isinstance(node, ast.ClassDef) for node in nodes),
        purpose=next(iter((ast.get_docstring(source.tree) or "").splitlines()), ""),
    )
