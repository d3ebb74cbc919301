"""A directory of checkpoint files: which files belong together, and which must not be followed."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Final

from parity.checkpoint.limits import FILES
from parity.checkpoint.model import Container, Entry, Path, Unit, Unreadable, unreadable
from parity.checkpoint.readers.distributed import METADATA, read_distributed
from parity.checkpoint.readers.files import read_contents
from parity.checkpoint.readers.side_files import parse_json
from parity.checkpoint.readers.three_file import three_files
from parity.checkpoint.sources import MappedFile, map_file
from parity.checkpoint.tensors import Tensor
from parity.errors import (
    CheckpointEscapesError,
    CheckpointMalformedError,
    CheckpointMissingError,
    CheckpointTooLargeError,
    ParityError,
)

INDEX: Final = ".index.json"


@dataclass(frozen=True)
class Room:
    """A directory, and the way to files inside it that never leads outside."""

    root: FilePath

    def open(self, name: str) -> MappedFile:
        """Map the file ``name``; raises CheckpointEscapesError where it lies outside, or where its name leads there."""
        path = self.root / name
        if FilePath(name).is_absolute() or ".." in FilePath(name).parts or "\0" in name:
            message = f"{name!r:.200} is no name of a file in {self.root}"
            raise CheckpointEscapesError(message)
        try:
            target = path.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            message = f"cannot open {path}: {getattr(error, 'strerror', None) or 'its links lead in a circle'}"
            raise CheckpointMissingError(message) from None
        if not any(target.is_relative_to(allowed) for allowed in self._allowed()):
            message = f"{path} is a link to {target}, outside the checkpoint"
            raise CheckpointEscapesError(message)
        return map_file(target)

    def _allowed(self) -> Iterator[FilePath]:
        """The directory itself; the blobs of a hub's cache, whose snapshots hold nothing but links to them."""
        root = self.root.resolve()
        yield root
        if root.parent.name == "snapshots":
            yield root.parent.parent / "blobs"


def read_directory(root: FilePath) -> tuple[Unit, ...]:
    """Every unit below ``root``, in the order of names; a unit that cannot be read says why."""
    names = sorted(_names(root))
    room = Room(root)
    units: list[Unit] = []
    left = set(names)
    plans = [name for name in names if FilePath(name).name == METADATA]
    for plan in plans:
        folder = FilePath(plan).parent
        unit = _distributed(Room(root / folder), str(folder) if str(folder) != "." else "(whole directory)")
        units.append(unit)
        left -= {str(folder / file) for file in unit.files}
    for name in [one for one in names if one.endswith(INDEX) and one in left]:
        unit = read_sharded(room, name)
        units.append(unit)
        left -= set(unit.files)
    for name, parts in three_files(left).items():
        units.append(_parts(room, name, parts))
        left -= parts.keys()
    units += [read_single(room, name) for name in sorted(left)]
    return tuple(sorted(units, key=lambda unit: unit.name))


def read_single(room: Room, name: str, shown: str = "") -> Unit:
    """The unit of one file."""
    size = 0
    try:
        file = room.open(name)
        size = file.nbytes
        kind, entries, broken = read_contents(replace(file, path=FilePath(name)))
    except ParityError as error:
        return Unit(name=shown or name, format="unreadable", files={name: size}, unreadable=(unreadable(error),))
    return Unit(name=shown or name, format=kind, files={name: size}, entries=entries, unreadable=broken)


def read_sharded(room: Room, index: str) -> Unit:
    """The unit of several shards that an index lists."""
    name = index.removesuffix(INDEX)
    try:
        file = room.open(index)
        weights = _weight_map(parse_json(bytes(file.view)))
    except ParityError as error:
        return Unit(name=name, format="unreadable", files={index: 0}, unreadable=(unreadable(error),))
    folder = FilePath(index).parent
    files = {index: file.nbytes}
    entries: dict[Path, Entry] = {(): Container("dict")}
    broken: list[Unreadable] = []
    for shard in sorted(set(weights.values())):
        unit = read_single(room, str(folder / shard))
        files |= unit.files
        broken += [replace(one, reason=f"shard {shard!r:.200}: {one.reason}") for one in unit.unreadable]
        entries |= {path: _of_shard(entry, shard) for path, entry in unit.entries.items() if path}
    for weight, shard in weights.items():
        if (weight,) not in entries and not broken:
            absent = CheckpointMalformedError(f"the index places it in {shard!r:.200}, which does not hold it")
            broken.append(unreadable(absent, (weight,)))
    return Unit(name=name, format="sharded", files=files, entries=entries, unreadable=tuple(broken))


def _weight_map(content: object) -> Mapping[str, str]:
    weights = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(value, str) for value in weights.values()):
        message = "the index has no map from weights to files"
        raise CheckpointMalformedError(message)
    if len(set(weights.values())) > FILES:
        message = f"the index names more than {FILES:,} files"
        raise CheckpointTooLargeError(message)
    return weights


def _of_shard(entry: Entry, shard: str) -> Entry:
    return entry.inside(shard) if isinstance(entry, Tensor) else entry


def _distributed(room: Room, name: str) -> Unit:
    try:
        return read_distributed(room.root, name, room.open)
    except ParityError as error:
        return Unit(name=name, format="unreadable", files={METADATA: 0}, unreadable=(unreadable(error),))


def _parts(room: Room, name: str, parts: Mapping[str, str]) -> Unit:
    """One unit of several files, each under the name of its part."""
    files: dict[str, int] = {}
    entries: dict[Path, Entry] = {(): Container("dict")}
    broken: list[Unreadable] = []
    for file, part in parts.items():
        unit = read_single(room, file)
        files |= unit.files
        entries |= {(part, *path): _of_shard(entry, part) for path, entry in unit.entries.items()}
        broken += [replace(one, key=(part, *one.key)) for one in unit.unreadable]
    return Unit(name=name, format="three files", files=files, entries=entries, unreadable=tuple(broken))


def _names(root: FilePath) -> Iterator[str]:
    """Every file below ``root``; links to directories are not followed."""
    count = 0
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in names:
            count += 1
            if count > FILES:
                message = f"{root} holds more than {FILES:,} files"
                raise CheckpointTooLargeError(message)
            yield str((FilePath(folder) / name).relative_to(root))
