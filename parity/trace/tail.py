"""Following a trace while it is being written, without reading it twice."""

from pathlib import Path

from parity.trace.wire import SUFFIX, frames, values_head


class Tail:
    """The latest update of a run in progress, over all its processes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._offsets: dict[Path, int] = {}
        self.update = -1

    def refresh(self) -> int:
        """Read what was appended since the last call; return the index of the latest update, -1 before the first."""
        for path in self._directory.glob(f"*{SUFFIX}"):
            offset = self._offsets.get(path, 0)
            with path.open("rb") as file:
                file.seek(offset)
                data = file.read()
            consumed = 0
            for kind, start, stop in frames(data):
                consumed = stop
                if kind == b"V":
                    self.update = max(self.update, values_head(data, start)[0])
            self._offsets[path] = offset + consumed
        return self.update
