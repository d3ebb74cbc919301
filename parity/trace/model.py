"""A trace in memory: processes, and in each the series of values that one channel and name left behind."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parity.trace.channels import Channel, Kind
from parity.trace.sidecar import Sketches

_TOTALS: Final = frozenset({"updates", "file_written", "table_file"})
Value = float | int | str
Key = tuple[str, str]

_OF_EVERY_UPDATE: Final = frozenset({"lr", "step_skipped", "update_inferred"})


@dataclass(frozen=True)
class Series:
    """All values of one channel and name in one process, in the order of observation.

    ``updates`` (int64) and ``values`` have the same length; ``values`` is float64, int64, uint64 (digests) or object
    (texts), as the channel's kind says. ``updates`` never decreases.
    """

    channel: Channel
    name: str
    updates: NDArray[np.int64]
    values: NDArray[Any]

    @property
    def key(self) -> Key:
        """Channel and name."""
        return self.channel.name, self.name

    def __len__(self) -> int:
        return len(self.updates)

    def at(self, update: int) -> NDArray[Any]:
        """Values observed under ``update``, in order."""
        start, stop = np.searchsorted(self.updates, [update, update + 1])
        return self.values[start:stop]

    def before(self, update: int) -> "Series":
        """The values observed under earlier updates."""
        stop = int(np.searchsorted(self.updates, update))
        return replace(self, updates=self.updates[:stop], values=self.values[:stop])

    def ordinals(self) -> NDArray[np.int64]:
        """Position of each value among those of the same update, from 0."""
        first = np.searchsorted(self.updates, self.updates, side="left")
        return np.arange(len(self.updates), dtype=np.int64) - first

    def python(self, index: int) -> Value:
        """One value as a plain Python object; digests as 16 hexadecimal digits."""
        return plain(self.channel.kind, self.values[index])


def plain(kind: Kind, value: Any) -> Value:
    """``value`` of a channel of ``kind`` as a plain Python object; digests as 16 hexadecimal digits."""
    if kind is Kind.FLOAT:
        return float(value)
    if kind is Kind.INTEGER:
        return int(value)
    if kind is Kind.DIGEST:
        return f"{int(value):016x}"
    return str(value)


@dataclass(frozen=True)
class Process:
    """What one recorded process left behind.

    ``sealed`` is the end frame, or None when the process was killed before it could write one. ``lost_bytes`` counts
    what follows the last intact frame.
    """

    file: str
    header: Mapping[str, Any]
    series: Mapping[Key, Series]
    notes: tuple[Mapping[str, Any], ...] = ()
    sealed: Mapping[str, Any] | None = None
    lost_bytes: int = 0
    sketches: Sketches | None = None

    @property
    def rank(self) -> int:
        """Rank in the world, 0 for a single process."""
        return int(self.header.get("rank", 0))

    @property
    def updates(self) -> int:
        """Number of completed updates: by a step, by one that the loss scaler skipped, or inferred."""
        series = [one for key, one in self.series.items() if key[0] in _OF_EVERY_UPDATE]
        return max((int(one.updates[-1]) + 1 for one in series if len(one)), default=0)

    @property
    def last_update(self) -> int:
        """Index of the last update under which anything was observed, -1 when nothing was."""
        return max((int(series.updates[-1]) for series in self.series.values() if len(series)), default=-1)

    def before(self, update: int) -> "Process":
        """This process without what was observed from ``update`` on, and without what is known only at the end."""
        kept = {key: series.before(update) for key, series in self.series.items() if key[0] not in _TOTALS}
        return replace(self, series={key: series for key, series in kept.items() if len(series)})

    def sketch(self, channel: str, name: str, update: int, ordinal: int) -> tuple[int, NDArray[np.float32]] | None:
        """Number of elements and sketch of a tensor at one observation, where one was made."""
        return self.sketches.get(channel, name, update, ordinal) if self.sketches else None

    def channel(self, name: str) -> Iterator[Series]:
        """All series of one channel, in the order of their first observation."""
        return (series for (channel, _), series in self.series.items() if channel == name)

    def get(self, channel: str, name: str = "") -> Series | None:
        """The series of ``channel`` and ``name``, or None where nothing was observed."""
        return self.series.get((channel, name))


@dataclass(frozen=True)
class Trace:
    """One run: its manifest and the processes that took part in training."""

    directory: Path
    manifest: Mapping[str, Any]
    processes: tuple[Process, ...]
    bystanders: tuple[Process, ...] = field(default=())

    @property
    def world(self) -> int:
        """Number of ranks that were recorded."""
        return len(self.processes)

    @property
    def command(self) -> str:
        """The command line of the program, as given."""
        return str(self.manifest.get("command", ""))

    @property
    def exit_status(self) -> int | None:
        """Exit status of the program, negative for a signal, None when the recorder did not see the end."""
        status = self.manifest.get("exit_status")
        return None if status is None else int(status)

    def before(self, update: int) -> "Trace":
        """This trace as if it had been cut off when ``update`` began: without what came later, and without an end."""
        return replace(self, processes=tuple(process.before(update) for process in self.processes))

    @property
    def is_imported(self) -> bool:
        """Whether this was read from what a tracker or a log holds, so that most channels are unknown."""
        return "imported_from" in self.manifest

    def rank(self, rank: int) -> Process | None:
        """The process of ``rank``, or None."""
        return next((process for process in self.processes if process.rank == rank), None)
