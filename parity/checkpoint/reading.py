"""The way into this room: a location becomes a checkpoint."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from parity.checkpoint.limits import EXPANDED
from parity.checkpoint.model import Checkpoint, Entry, Unit, unreadable
from parity.checkpoint.model import Path as Key
from parity.checkpoint.readers.directory import INDEX, Room, read_directory, read_sharded, read_single
from parity.checkpoint.readers.distributed import METADATA
from parity.checkpoint.tensors import Tensor
from parity.errors import CheckpointMissingError, CheckpointTooLargeError

_REREAD: Final = 4


@contextmanager
def opened(location: str) -> Iterator[Checkpoint]:
    """The checkpoint at ``location``, a file, a directory, or a URL that fsspec knows.

    Raises CheckpointMissingError where there is nothing. What cannot be read is listed in the checkpoint.
    """
    if "://" in location:
        from parity.checkpoint.remote import fetched

        with fetched(location) as path:
            yield replace(read_checkpoint(path), source=location)
        return
    yield read_checkpoint(Path(location))


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint at ``path``; raises CheckpointMissingError where there is none."""
    if path.is_dir():
        units = read_directory(path)
    elif not path.exists():
        message = f"there is no checkpoint at {path}"
        raise CheckpointMissingError(message)
    elif path.name.endswith(INDEX):
        units = (read_sharded(Room(path.parent), path.name),)
    elif path.name == METADATA:
        units = read_directory(path.parent)
    else:
        # The file that was named may be a link to anywhere: whoever names it wants it read.
        target = path.resolve()
        unit = read_single(Room(target.parent), target.name)
        units = (replace(unit, name=path.name),)
    return Checkpoint(source=str(path), units=tuple(_within_reason(unit) for unit in units))


def _within_reason(unit: Unit) -> Unit:
    """``unit`` without the tensors that show the same bytes over and over again: comparing them would never end."""
    budget = _REREAD * unit.nbytes + EXPANDED
    seen: set[tuple[object, ...]] = set()
    kept: dict[Key, Entry] = {}
    left = list(unit.unreadable)
    for path, entry in unit.entries.items():
        if isinstance(entry, Tensor):
            window = (entry.storage, entry.offset, entry.shape, entry.stride, entry.dtype.name)
            budget -= 0 if window in seen else entry.nbytes
            seen.add(window)
            if budget < 0:
                message = f"the tensors of {unit.name} show more than {_REREAD} times the bytes that it has"
                left.append(unreadable(CheckpointTooLargeError(message), path))
                continue
        kept[path] = entry
    return replace(unit, entries=kept, unreadable=tuple(left))
