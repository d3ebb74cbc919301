"""Checkpoints at URLs: fetched into a temporary directory, because bytes elsewhere cannot be mapped."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from parity.errors import CheckpointEscapesError, CheckpointMissingError, ParityError, UsageError


@contextmanager
def fetched(url: str) -> Iterator[Path]:
    """A local copy of what is at ``url``, removed afterwards.

    Raises UsageError where fsspec is not installed or does not know the protocol, CheckpointMissingError where nothing
    can be fetched, CheckpointEscapesError where a directory lists files that are not in it.
    """
    try:
        import fsspec  # type: ignore[import-untyped]
    except ImportError:
        message = f"{url!r} is a URL; reading those needs: pip install 'training-parity[remote]'"
        raise UsageError(message) from None
    try:
        system, inside = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        message = f"{url!r} cannot be opened: {error}"
        raise UsageError(message) from None
    with tempfile.TemporaryDirectory(prefix="parity-checkpoint-") as folder:
        target = Path(folder) / (Path(inside.rstrip("/")).name or "checkpoint")
        try:
            _fetch(system, inside, target)
        except ParityError:
            raise
        except Exception as error:  # Every backend has errors of its own.
            message = f"cannot fetch {url!r}: {error!s:.300}"
            raise CheckpointMissingError(message) from None
        yield target


def _fetch(system: Any, inside: str, target: Path) -> None:
    """Copy a file, or a directory file by file."""
    # To ask a web server for a directory is to fetch the page, which for a file is the whole file.
    if not inside.endswith("/") and system.isfile(inside):
        system.get_file(inside, str(target))
        return
    root = inside.rstrip("/") + "/"
    names = [name for name in system.find(root) if not name.endswith("/")]
    if not names:
        message = "nothing is there"
        raise FileNotFoundError(message)
    for name in names:
        part = PurePosixPath(name.removeprefix(root))
        if part.is_absolute() or ".." in part.parts or not name.startswith(root):
            message = f"{root!r} lists {name!r}, which is not in it"
            raise CheckpointEscapesError(message)
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        system.get_file(name, str(target / part))
