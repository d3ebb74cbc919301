"""The training programs of a repository: scripts, and packages that are run with -m, whose code trains a model."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from parity.surface.model import Flag
from parity.surface.reading import read_surface
from parity.surface.sources import Source, read_sources

_TRAINING: Final = frozenset({"backward", "fit", "train_step", "training_step", "manual_backward"})
_TRAINERS: Final = frozenset({"Trainer", "Seq2SeqTrainer", "SFTTrainer", "Accelerator", "Fabric"})
_ASIDE: Final = frozenset({"tests", "test", "docs", "benchmarks", "notebooks", "venv", "env"})
_OUTPUTS: Final = ("out_dir", "output_dir", "save_dir", "checkpoint_dir", "ckpt_dir", "log_dir", "work_dir", "run_dir")


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program that trains: ``path`` relative to the repository, ``command`` starts it from there.

    ``output`` is the flag that names its directory of output, as it is written on the command line; empty where no flag
    looks like that. ``root`` is where Python has to look for its package, empty for the repository itself.
    """

    path: PurePosixPath
    command: str
    output: str = ""
    root: str = ""


def find_programs(repository: Path) -> list[Program]:
    """The programs under ``repository`` that train, in order of their paths. Tests and documentation are left out.

    Raises:
        SurfaceUnreadableError: nothing there is Python, or it is beyond all measure.
    """
    sources = read_sources(repository)
    files = {source.path: source for source in sources.files}
    found = []
    for source in sources.files:
        path = PurePosixPath(source.path.relative_to(repository.resolve()).as_posix())
        if _ASIDE & set(path.parts[:-1]) or not _is_run(source):
            continue
        if any(_trains(each.tree) for each in _reached(source, files)):
            command, root = _command(source, path)
            found.append(Program(path=path, command=command, output=_output(source), root=root))
    return sorted(found, key=lambda one: one.path)


def _is_run(source: Source) -> bool:
    """Whether a file is started: it asks for it, is the main file of a package, or calls something where it stands."""
    if source.path.name == "__main__.py":
        return True
    if source.path.name in ("__init__.py", "conftest.py", "setup.py", "noxfile.py"):
        return False
    return any(_asks(one) or _loops(one) for one in source.tree.body)


def _asks(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test)


def _loops(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.For | ast.While | ast.With) and _trains(statement)


def _reached(source: Source, files: dict[Path, Source]) -> Iterator[Source]:
    """What a program consists of: what it imports, and of a package everything, for it may import by name."""
    if source.path.name == "__main__.py":
        yield from (other for path, other in files.items() if path.is_relative_to(source.path.parent))
        return
    for other in read_sources(source.path).files:
        yield files.get(other.path, other)


def _trains(tree: ast.AST) -> bool:
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(
        (isinstance(function, ast.Attribute) and function.attr in _TRAINING)
        or (isinstance(function, ast.Name) and function.id in _TRAINERS)
        for function in calls
    )


def _command(source: Source, path: PurePosixPath) -> tuple[str, str]:
    """The command, and the directory in which the outermost package lies."""
    module = path.parent if source.path.name == "__main__.py" else path.with_suffix("")
    depth = _depth(source.path.parent, len(path.parts) - 1)
    if module.parts and (module == path.parent or depth):
        outside = len(path.parts) - 1 - max(depth, 1)
        return f"python -m {'.'.join(module.parts[outside:])}", "/".join(module.parts[:outside])
    return f"python {path}", ""


def _depth(directory: Path, most: int) -> int:
    """How many packages lie around a file of ``directory``, one in the other; ``most`` of them in the repository."""
    around = (directory, *directory.parents)[:most]
    return next((at for at, one in enumerate(around) if not (one / "__init__.py").is_file()), len(around))


def _output(source: Source) -> str:
    flags = {flag.name: flag for flag in reversed(read_surface(source.path).flags)}
    return next((_written(flags[name]) for name in _OUTPUTS if name in flags), "")


def _written(flag: Flag) -> str:
    """How a flag's value is given: globals of a script want ``--name=value``, with underscores."""
    if flag.style == "global":
        return f"--{flag.name}="
    dashed = f"--{flag.name.replace('_', '-')}"
    return f"{dashed if dashed in flag.place.excerpt else f'--{flag.name}'}="
