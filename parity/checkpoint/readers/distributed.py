"""Directories of torch.distributed.checkpoint: a pickled plan, and files in which every piece is an archive.

torch reads the plan with the plain unpickler, which runs whatever it says. Here it is data like everything else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Final

from parity.checkpoint.archive import read_archive
from parity.checkpoint.flatten import flatten
from parity.checkpoint.limits import HELD
from parity.checkpoint.model import Container, Entry, Path, Unit, Unreadable, unreadable
from parity.checkpoint.nodes import Dictionary, Node, Record, Sequence
from parity.checkpoint.readers.torch_zip import read_torch_zip
from parity.checkpoint.rebuild import integers, text
from parity.checkpoint.sources import MappedFile
from parity.checkpoint.stub_unpickler import StubUnpickler
from parity.checkpoint.tensors import Tensor
from parity.checkpoint.tiles import joined
from parity.errors import (
    CheckpointMalformedError,
    CheckpointTooLargeError,
    CheckpointUnsupportedError,
    ParityError,
)

METADATA: Final = ".metadata"
_Origin = tuple[int, ...]
Open = Callable[[str], MappedFile]


@dataclass(frozen=True)
class _Piece:
    """Where one piece is stored."""

    file: str
    offset: int
    length: int


def read_distributed(directory: FilePath, name: str, open_file: Open) -> Unit:
    """Everything that the plan of ``directory`` names. ``open_file`` maps a file by its path inside the directory.

    Raises an error of reading where the plan cannot be read; a piece that is missing or damaged is an error of its key.
    """
    plan = open_file(METADATA)
    if plan.nbytes > HELD:
        message = f"the plan of {directory} has {plan.nbytes:,} bytes, more than {HELD:,} are not read"
        raise CheckpointTooLargeError(message)
    fields = _fields(StubUnpickler(plan.program).load())
    stored = _stored(fields.get("storage_data"))
    paths = {key: _parts(value) for key, value in _texts(fields.get("planner_data")).items()}
    files: dict[str, MappedFile] = {METADATA: plan}
    entries: dict[Path, Entry] = {(): Container("dict")}
    broken: list[Unreadable] = []
    for key, described in _texts(fields.get("state_dict_metadata")).items():
        path = paths.get(key) or (key,)
        try:
            found, problems = _read_key(key, _fields(described), stored, _opener(files, open_file))
        except ParityError as error:
            broken.append(unreadable(error, path))
            continue
        _enter(entries, path, found)
        broken += [replace(one, key=path + one.key) for one in problems]
    sizes = {file: mapped.nbytes for file, mapped in sorted(files.items())}
    return Unit(name=name, format="torch distributed", files=sizes, entries=entries, unreadable=tuple(broken))


def _opener(files: dict[str, MappedFile], open_file: Open) -> Open:
    def opened(name: str) -> MappedFile:
        if name not in files:
            files[name] = open_file(name)
        return files[name]

    return opened


def _fields(node: Node) -> dict[str, Node]:
    """The attributes of a pickled dataclass."""
    states = node.state if isinstance(node, Record) else []
    pairs = [pair for state in states if isinstance(state, Dictionary) for pair in state.pairs]
    return {key: value for key, value in pairs if isinstance(key, str)}


def _texts(node: Node) -> dict[str, Node]:
    pairs = node.pairs if isinstance(node, Dictionary) else []
    return {key: value for key, value in pairs if isinstance(key, str)}


def _parts(node: Node) -> Path:
    items = node.items if isinstance(node, Sequence) else []
    return tuple(item for item in items if isinstance(item, str) or type(item) is int)


def _stored(node: Node) -> Mapping[tuple[str, _Origin], _Piece]:
    """Where each piece is, by the name of its key and its origin in the whole tensor."""
    found: dict[tuple[str, _Origin], _Piece] = {}
    for index, place in node.pairs if isinstance(node, Dictionary) else []:
        which, where = _fields(index), _fields(place)
        if where.get("transform_descriptors") is not None:
            continue
        origin = which.get("offset")
        offset, length = where.get("offset"), where.get("length")
        if type(offset) is not int or type(length) is not int:
            continue
        piece = _Piece(text(where.get("relative_path")), offset, length)
        found[text(which.get("fqn")), integers(origin) if origin is not None else ()] = piece
    return found


def _read_key(
    key: str, described: dict[str, Node], stored: Mapping[tuple[str, _Origin], _Piece], opened: Open
) -> tuple[dict[Path, Entry], tuple[Unreadable, ...]]:
    if "chunks" not in described:
        found, problems = _read_piece(key, (), stored, opened)
        inside = {path: entry.inside(key) if isinstance(entry, Tensor) else entry for path, entry in found.items()}
        return inside, problems
    chunks = described["chunks"]
    size = integers(described.get("size"))
    pieces: list[tuple[_Origin, Tensor]] = []
    for chunk in chunks.items if isinstance(chunks, Sequence) else []:
        fields = _fields(chunk)
        origin, extent = integers(fields.get("offsets")), integers(fields.get("sizes"))
        found, _ = _read_piece(key, origin, stored, opened)
        tensor = found.get(())
        if not isinstance(tensor, Tensor) or tensor.shape != extent:
            message = f"the piece of {key!r:.200} at {origin} is not a tensor of shape {extent}"
            raise CheckpointMalformedError(message)
        pieces.append((origin, tensor))
    return {(): _whole(key, size, pieces)}, ()


def _read_piece(
    key: str, origin: _Origin, stored: Mapping[tuple[str, _Origin], _Piece], opened: Open
) -> tuple[dict[Path, Entry], tuple[Unreadable, ...]]:
    piece = stored.get((key, origin))
    if piece is None:
        message = f"the plan does not say where {key!r:.200} at {origin} is stored, or says it is transformed"
        raise CheckpointUnsupportedError(message)
    view = opened(piece.file).view
    if piece.offset < 0 or piece.length < 0 or piece.offset + piece.length > len(view):
        message = f"{key!r:.200} is said to lie outside file {piece.file!r:.200} of {len(view):,} bytes"
        raise CheckpointMalformedError(message)
    root, storages = read_torch_zip(read_archive(view[piece.offset : piece.offset + piece.length]))
    return flatten(root, storages)


def _whole(key: str, size: tuple[int, ...], pieces: list[tuple[_Origin, Tensor]]) -> Tensor:
    """One tensor of all its pieces."""
    if not pieces:
        message = f"no piece of {key!r:.200} is stored"
        raise CheckpointMalformedError(message)
    if len(pieces) == 1 and pieces[0][1].shape == size:
        return replace(pieces[0][1], storage=key)
    return joined(size, pieces, key)


def _enter(entries: dict[Path, Entry], path: Path, found: dict[Path, Entry]) -> None:
    """Add what was found under ``path``, and the containers that lead there."""
    for depth in range(1, len(path)):
        kind = "list" if isinstance(path[depth], int) else "dict"
        entries.setdefault(path[:depth], Container(kind))
    entries |= {path + below: entry for below, entry in found.items()}
