"""What ``torch.save`` writes since 1.6: a zip archive of one pickle and the bytes of each storage."""

from typing import Final

from parity.checkpoint.archive import Archive
from parity.checkpoint.nodes import Node
from parity.checkpoint.rebuild import Storages
from parity.checkpoint.sources import Source
from parity.checkpoint.stub_unpickler import StubUnpickler
from parity.errors import CheckpointMalformedError, CheckpointUnsupportedError

_PICKLE: Final = "data.pkl"


def is_torch_zip(archive: Archive) -> bool:
    """Whether the archive holds a pickle where torch puts it."""
    return _prefix(archive) is not None


def read_torch_zip(archive: Archive) -> tuple[Node, Storages]:
    """The tree of nodes, and how to find the storages it refers to.

    Raises an error of reading where the pickle cannot be read; a storage that is missing is an error of its tensor.
    """
    prefix = _prefix(archive)
    if prefix is None:
        message = f"the archive has no member {_PICKLE}"
        raise CheckpointMalformedError(message)
    order = f"{prefix}byteorder"
    if order in archive.members and archive.held(order).strip() != b"little":
        message = "the storages are written in big-endian byte order"
        raise CheckpointUnsupportedError(message)
    root = StubUnpickler(archive.held(prefix + _PICKLE)).load()

    def storage(key: str, nbytes: int) -> Source:
        found = archive.source(f"{prefix}data/{key}")
        if nbytes > found.nbytes:
            message = f"storage {key!r:.80} has {found.nbytes:,} bytes, {nbytes:,} are announced"
            raise CheckpointMalformedError(message)
        return found

    return root, storage


def _prefix(archive: Archive) -> str | None:
    """The folder inside the archive that everything lies in."""
    found = [name for name in archive.members if name == _PICKLE or name.endswith(f"/{_PICKLE}")]
    return min(found, key=len).removesuffix(_PICKLE) if found else None
