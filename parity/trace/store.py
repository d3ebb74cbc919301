"""Reading a run's directory: ``manifest.json`` beside one ``*.trace`` file per process."""

import json
import struct
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parity.errors import TraceUnreadableError
from parity.trace.channels import CHANNELS, Kind
from parity.trace.frames import frames
from parity.trace.manifest import check_schema, read_manifest
from parity.trace.model import Key, Process, Series, Trace
from parity.trace.sidecar import Sketches
from parity.trace.sketches import SUFFIX as SKETCHES
from parity.trace.wire import SUFFIX, values_head

_DTYPES: Final = {Kind.FLOAT: np.float64, Kind.INTEGER: np.int64, Kind.DIGEST: np.uint64}


def read_trace(directory: Path) -> Trace:
    """Read the run in ``directory``.

    Of several processes of one rank, the one with most updates took part in the training; the others are bystanders.

    Raises:
        TraceMissingError: the directory holds no run.
        TraceUnreadableError: a file is not a trace at all.
        TraceSchemaError: a file was written by another version of the format.
    """
    manifest = read_manifest(directory)
    files = sorted(directory.glob(f"*{SUFFIX}"))
    everyone = sorted(
        (read_process(file) for file in files),
        key=lambda process: (process.rank, -process.updates, -len(process.series)),
    )
    ranks: dict[int, Process] = {}
    for process in everyone:
        ranks.setdefault(process.rank, process)
    chosen = tuple(ranks[rank] for rank in sorted(ranks))
    return Trace(directory, manifest, chosen, tuple(process for process in everyone if process not in chosen))


def read_process(path: Path) -> Process:
    """Read one process's file up to the last intact frame."""
    try:
        return _read(path, path.read_bytes())
    except (OSError, ValueError, TypeError, AttributeError, IndexError, struct.error) as error:
        message = f"{path} cannot be read as a trace ({error!r}). Record the run again."
        raise TraceUnreadableError(message) from error


def _read(path: Path, data: bytes) -> Process:
    reading = _Reading()
    end = 0
    for kind, start, stop in frames(data):
        reading.take(path, data, kind, start, stop)
        end = stop
    if not reading.header:
        message = f"{path} is not a trace: its first {len(data)} bytes hold no intact header. Record the run again."
        raise TraceUnreadableError(message)
    int(reading.header.get("rank", 0))  # refused here, not where it is first used
    return Process(
        file=path.name,
        header=reading.header,
        series=reading.series(data),
        notes=tuple(reading.notes),
        sealed=reading.sealed,
        lost_bytes=len(data) - end,
        sketches=Sketches(path.with_suffix(SKETCHES)),
    )


class _Reading:
    """The state of one pass over the frames of a file."""

    def __init__(self) -> None:
        self.header: dict[str, Any] = {}
        self.sealed: dict[str, Any] | None = None
        self.notes: list[dict[str, Any]] = []
        self._keys: list[Key] = []
        self._texts: list[str] = []
        self._blocks: list[tuple[int, int, int]] = []

    def take(self, path: Path, data: bytes, kind: bytes, start: int, stop: int) -> None:
        """Interpret one frame."""
        if kind == b"V":
            self._blocks.append(values_head(data, start))
        elif kind == b"T":
            self._texts.append(data[start + 4 : stop].decode("utf-8", "surrogatepass"))
        elif kind == b"D":
            _, channel, name = json.loads(data[start:stop])
            self._keys.append((channel, name))
        elif kind == b"N":
            self.notes.append(dict(json.loads(data[start:stop])))
        elif kind == b"E":
            self.sealed = json.loads(data[start:stop])
        elif kind == b"H":
            self.header = json.loads(data[start:stop])
            check_schema(path, self.header.get("schema"))

    def series(self, data: bytes) -> dict[Key, Series]:
        """Sort all values into one column per series, keeping the order of observation."""
        if not self._blocks:
            return {}
        counts = np.array([count for _, count, _ in self._blocks])
        ids = np.concatenate([np.frombuffer(data, "<u4", count, at) for _, count, at in self._blocks])
        bits = np.concatenate([np.frombuffer(data, "<u8", count, at + 4 * count) for _, count, at in self._blocks])
        updates = np.repeat(np.array([update for update, _, _ in self._blocks], dtype=np.int64), counts)
        order = np.argsort(ids, kind="stable")
        bits, updates = bits[order], updates[order]
        bounds = np.searchsorted(ids[order], np.arange(len(self._keys) + 1))
        found: dict[Key, Series] = {}
        for number, (channel_name, name) in enumerate(self._keys):
            channel = CHANNELS.get(channel_name)
            part = slice(bounds[number], bounds[number + 1])
            if channel is None or part.start == part.stop:
                continue
            found[channel_name, name] = Series(channel, name, updates[part], self._decode(channel.kind, bits[part]))
        return found

    def _decode(self, kind: Kind, bits: NDArray[np.uint64]) -> NDArray[Any]:
        if kind is Kind.TEXT:
            return np.array(self._texts, dtype=object)[bits.astype(np.int64)]
        return bits.view(_DTYPES[kind])
