"""Checkpoints at URLs: fetched into a temporary directory, because bytes elsewhere cannot be mapped."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parity.errors import CheckpointMissingError, UsageError


@contextmanager
def fetched(url: str) -> Iterator[Path]:
    """A local copy of what is at ``url``, removed afterwards.

    Raises UsageError where fsspec is not installed or does not know the protocol, CheckpointMissingError where nothing
    can be fetched.
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
            system.get(inside, str(target), recursive=system.isdir(inside))
        except Exception as error:  # Every backend has errors of its own.
            message = f"cannot fetch {url!r}: {error!s:.300}"
            raise CheckpointMissingError(message) from None
        yield target
