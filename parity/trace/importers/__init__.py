"""Runs that others have recorded, turned into traces that hold one channel: the metrics they were sent.

Each module reads one kind of source through ``accepts(source)`` and ``read(source, options)``; a new kind is one module
and one row here.
"""

import struct
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from parity.errors import SourceUnreadableError
from parity.trace.digests import ALGORITHM
from parity.trace.importers.points import Imported, Options
from parity.trace.manifest import make_run, write_manifest
from parity.trace.wire import SUFFIX, Writer, float_bits

KINDS: Final = {
    "tensorboard": "tensorboard",
    "wandb": "wandb",
    "trackio": "trackio",
    "csv": "csv_table",
    "jsonl": "json_lines",
    "log": "text_log",
}
CHANNEL: Final = "metric"
_LAST_STEP: Final = (1 << 32) - 2


def import_run(source: Path, directory: Path, *, kind: str = "auto", options: Options | None = None) -> Imported:
    """Read ``source`` and leave its metrics as a run in ``directory``; return what was found.

    A step becomes the update of the same number.

    Raises:
        SourceUnreadableError: there is nothing that could be imported.
        TraceUnwritableError: the run cannot be written.
    """
    if not source.exists():
        message = f"{source} does not exist; expected a file or directory that a tracker has written"
        raise SourceUnreadableError(message)
    kind = _detected(source) if kind == "auto" else kind
    try:
        found: Imported = _reader(kind).read(source, options or Options())
    except (ValueError, TypeError, struct.error) as error:
        message = f"{source} cannot be read as {kind} ({error}); name another kind with --kind"
        raise SourceUnreadableError(message) from error
    if not found.points:
        message = f"{source} holds no numbers that could be read as {kind}; name another kind with --kind"
        raise SourceUnreadableError(message)
    _check_steps(source, found)
    make_run(directory)
    _write(directory, found, {"kind": kind, "source": source.name})
    return found


def _reader(kind: str) -> Any:
    return import_module(f"{__name__}.{KINDS[kind]}")


def _detected(source: Path) -> str:
    for kind in KINDS:
        if _reader(kind).accepts(source):
            return kind
    message = f"{source} holds nothing that is known here; name the kind with --kind: {', '.join(KINDS)}"
    raise SourceUnreadableError(message)


def _check_steps(source: Path, found: Imported) -> None:
    for point in found.points:
        if not -1 <= point.step <= _LAST_STEP:
            message = f"{source} has {point.tag!r} at step {point.step}; expected steps from -1 to {_LAST_STEP}"
            raise SourceUnreadableError(message)


def _write(directory: Path, found: Imported, origin: dict[str, str]) -> None:
    header = {"rank": 0, "world": 1, "pid": 0, "argv": [], "digest": ALGORITHM, "imported_from": origin}
    writer = Writer(directory / f"rank0-0{SUFFIX}", header)
    for point in sorted(found.points, key=lambda one: one.step):
        writer.observe(point.step, CHANNEL, point.tag, float_bits(point.value))
    writer.seal({"updates": 0})
    manifest = {
        "command": f"imported from {origin['source']}",
        "imported_from": origin,
        "precision": {tag: one.as_json() for tag, one in found.precision.items()},
        "remarks": found.remarks,
        "exit_status": None,
    }
    write_manifest(directory, manifest)
