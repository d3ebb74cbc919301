"""Writing JSON lines beside a trace, whole micro-steps at a time."""

import json
from pathlib import Path
from typing import Any


class Lines:
    """Lines of one file, kept until they are flushed. What comes before the file is opened follows its header."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._pending: list[str] = []

    def open(self, path: Path, header: dict[str, Any]) -> None:
        """Begin the file; a second call changes nothing."""
        if self._path is None:
            self._path = path
            self._pending.insert(0, _line(header))

    def add(self, record: dict[str, Any]) -> None:
        """Append one record."""
        self._pending.append(_line(record))

    def flush(self) -> None:
        """Hand the lines over. Raises OSError when the disk refuses."""
        if self._path is not None and self._pending:
            lines, self._pending = self._pending, []
            with self._path.open("a", encoding="ascii") as file:
                file.writelines(lines)


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":"), sort_keys=True) + "\n"
