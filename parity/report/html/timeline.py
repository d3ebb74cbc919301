"""Phases by updates: where everything is equal, and where, since when and in what it is not."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from parity.report.tracks import Standing, Track
from parity.trace.channels import Phase

_MOST_COLUMNS: Final = 48
_BEFORE: Final = 0


@dataclass(frozen=True)
class Column:
    """Updates from ``first`` to ``last``; -1 is what happens before the first, ``is_end`` the end of the run."""

    first: int
    last: int
    is_end: bool = False

    @property
    def title(self) -> str:
        """How a reader calls it."""
        if self.is_end:
            return "end of the run"
        if self.last < 0:
            return "before the first update"
        return f"update {self.first}" if self.first == self.last else f"updates {self.first} to {self.last}"


@dataclass
class Cell:
    """One phase in one column, filled while tracks are added.

    ``seen`` counts the values by what is said of them; ``first`` is the update of the gravest difference's first value,
    ``finding`` the finding that holds it, -1 where there is none; ``channels`` are those that differ.
    """

    seen: dict[Standing, int] = field(default_factory=dict)
    gravest: Standing = Standing.IDENTICAL
    first: int = -1
    finding: int = -1
    channels: list[str] = field(default_factory=list)

    def differs(self, track: Track, values: int, update: int) -> None:
        """Add ``values`` of ``track`` that are apart, the first of them in ``update``."""
        self.seen[track.standing] = self.seen.get(track.standing, 0) + values
        if (track.standing, update) < (self.gravest, self.first):
            self.gravest, self.first, self.finding = track.standing, update, track.finding
        if track.channel.name not in self.channels:
            self.channels.append(track.channel.name)


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Rows by phase, each with one cell for every column."""

    columns: tuple[Column, ...]
    rows: dict[Phase, list[Cell]]


def timeline(tracks: Sequence[Track], most: int = _MOST_COLUMNS, doubted: Collection[str] = ()) -> Timeline:
    """Count what every phase shows, in at most ``most`` stretches of equally many updates.

    Of the phases called ``doubted`` something was left out before there were tracks, as in follow mode.
    """
    last = max((int(one.updates[-1]) for one in tracks if len(one.updates)), default=-1)
    width = max(1, -(-(last + 1) // most))
    stretches = [Column(start, min(start + width - 1, last)) for start in range(0, last + 1, width)]
    columns = (Column(-1, -1), *stretches, Column(last, last, is_end=True))
    rows: dict[Phase, list[Cell]] = {}
    for track in tracks:
        cells = rows.setdefault(track.channel.phase, [Cell() for _ in columns])
        _add(track, cells, width)
    for cell in (cell for phase, cells in rows.items() if phase.name.lower() in doubted for cell in cells):
        if cell.seen:
            cell.seen.setdefault(Standing.NOT_COMPARED, 0)
    return Timeline(columns=columns, rows=dict(sorted(rows.items())))


def _add(track: Track, cells: list[Cell], width: int) -> None:
    """Put the values of ``track`` into the cells of its phase."""
    end = len(cells) - 1
    total = _counts(_columns_of(track, track.updates, width, end), len(cells))
    at = _columns_of(track, track.apart, width, end)
    apart = _counts(at, len(cells))
    calm = Standing.IDENTICAL if track.measurements else track.standing
    for column in np.flatnonzero(total > apart):
        seen = cells[column].seen
        seen[calm] = seen.get(calm, 0) + int(total[column] - apart[column])
    for column in np.flatnonzero(apart):
        first = int(track.apart[np.flatnonzero(at == column)[0]])
        cells[column].differs(track, int(apart[column]), first)


def _columns_of(track: Track, updates: NDArray[np.int64], width: int, end: int) -> NDArray[np.int64]:
    if track.channel.phase is Phase.EXIT:
        return np.full(len(updates), end)
    return np.where(updates < 0, _BEFORE, np.minimum(updates // width + 1, max(end - 1, _BEFORE)))


def _counts(columns: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    return np.bincount(columns, minlength=number)
