"""The description of a run: ``manifest.json``, which is only ever replaced as a whole."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from parity.errors import TraceMissingError, TraceSchemaError, TraceUnreadableError, TraceUnwritableError
from parity.trace.frames import SCHEMA
from parity.trace.sketches import SUFFIX as SKETCHES
from parity.trace.wire import SUFFIX

MANIFEST: Final = "manifest.json"
_DEPTHS: Final = ("", "*/", "*/*/")
"""Where the runs of a side, a scenario and a pair lie below their directories."""
_LEFT: Final = (f"*{SUFFIX}", "*.new", f"*{SKETCHES}", "recorder-failure-*.txt", "*-rank*.txt", "reads-*.json*")


def read_manifest(directory: Path) -> dict[str, Any]:
    """Read the description of the run that the recorder left in ``directory``."""
    path = directory / MANIFEST
    if not path.is_file():
        below = sorted(one.parent for depth in _DEPTHS for one in directory.glob(f"{depth}trace/{MANIFEST}"))
        known = f"It holds {below[0]}." if below else "Record one with: parity record -o DIR -- COMMAND"
        message = f"{directory} is not a run: it has no {MANIFEST}. {known}"
        raise TraceMissingError(message)
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read ({error}). Record the run again."
        raise TraceUnreadableError(message) from error
    check_schema(path, manifest.get("schema") if isinstance(manifest, dict) else None)
    return dict(manifest)


def make_run(directory: Path) -> None:
    """Make the directory of a run, and take out what an earlier one left in it.

    Raises:
        TraceUnwritableError: that is not possible.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for stale in (path for pattern in _LEFT for path in directory.glob(pattern)):
            stale.unlink()
    except OSError as error:
        raise _unwritable(directory, error) from error


def write_manifest(directory: Path, content: Mapping[str, Any]) -> None:
    """Write the description of a run, with sorted keys; a reader finds the old one or the new one, never a part.

    Raises:
        TraceUnwritableError: that is not possible; an older description stays as it is.
    """
    text = json.dumps({"schema": SCHEMA, **content}, indent=2, sort_keys=True)
    beginning = directory / f"{MANIFEST}.new"
    try:
        beginning.write_text(text + "\n", encoding="utf-8")
        beginning.replace(directory / MANIFEST)
    except OSError as error:
        raise _unwritable(directory, error) from error


def _unwritable(directory: Path, error: OSError) -> TraceUnwritableError:
    message = f"a trace cannot be written in {directory} ({error}). Name a writable directory with free space."
    return TraceUnwritableError(message)


def check_schema(path: Path, schema: object) -> None:
    """Refuse what another version of the format has written.

    Raises:
        TraceSchemaError: it was.
    """
    if schema != SCHEMA:
        message = (
            f"{path} has trace schema {schema!r}; this version of parity reads schema {SCHEMA}. "
            "Record the run again, or use the version of parity that wrote it."
        )
        raise TraceSchemaError(message)
