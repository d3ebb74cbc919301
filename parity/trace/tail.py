"""Following a trace while it is being written, without reading it twice."""

import json
import struct
from dataclasses import dataclass, replace
from pathlib import Path

from parity.trace.channels import CHANNELS, Phase
from parity.trace.frames import frames
from parity.trace.wire import SUFFIX, values_head

_LOSS = "loss"


@dataclass(frozen=True, kw_only=True)
class Position:
    """How far a program is: the latest update (-1 before the first), the last phase seen, and the latest loss."""

    update: int = -1
    phase: Phase = Phase.SETUP
    loss: float | None = None


class Tail:
    """The position of a run in progress; of several ranks, that of the one that is farthest."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[Path, _File] = {}

    def refresh(self) -> Position:
        """Read what was appended since the last call."""
        for path in self._directory.glob(f"*{SUFFIX}"):
            self._files.setdefault(path, _File()).read(path)
        positions = [file.position for file in self._files.values()]
        return max(positions, key=lambda position: position.update, default=Position())


class _File:
    """What is known of one process's file."""

    def __init__(self) -> None:
        self.position = Position()
        self._offset = 0
        self._channels: list[str] = []

    def read(self, path: Path) -> None:
        with path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        consumed = 0
        for kind, start, stop in frames(data):
            consumed = stop
            if kind == b"D":
                self._channels.append(json.loads(data[start:stop])[1])
            elif kind == b"V":
                self._take(data, start)
        self._offset += consumed

    def _take(self, data: bytes, start: int) -> None:
        """Move on to the last value of a block, and to the last loss in it."""
        update, count, ids_at = values_head(data, start)
        ids = struct.unpack_from(f"<{count}I", data, ids_at)
        loss = self.position.loss
        for index in reversed(range(count)):
            if self._channels[ids[index]] == _LOSS:
                loss = struct.unpack_from("<d", data, ids_at + 4 * count + 8 * index)[0]
                break
        channel = CHANNELS.get(self._channels[ids[-1]]) if count else None
        phase = channel.phase if channel is not None else self.position.phase
        self.position = replace(self.position, update=max(update, self.position.update), phase=phase, loss=loss)
