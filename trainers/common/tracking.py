"""Experiment trackers, as far as they are installed."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

TRACKERS = ("trackio", "wandb")
"""Modules with the same three functions: init, log and finish."""


def split_names(text: str) -> list[str]:
    """List the trackers that a comma-separated text names; ``none`` names none."""
    return [name.strip() for name in text.split(",") if name.strip() not in ("", "none")]


def default_project(directory: Path) -> str:
    """Name the project after the directory, and tell directories of the same name apart."""
    return f"{directory.name}-{hashlib.md5(str(directory).encode(), usedforsecurity=False).hexdigest()[:8]}"


class Tracking:
    """All trackers of one run."""

    def __init__(self, names: Sequence[str], *, project: str, run_name: str, config: Mapping[str, object]) -> None:
        """Start the trackers; one that is not installed costs a warning, not the run."""
        self._trackers = list(_import(names))
        for tracker in self._trackers:
            tracker.init(project=project, name=run_name, config=dict(config))

    def log(self, values: Mapping[str, float], *, step: int) -> None:
        """Report the values of one iteration."""
        for tracker in self._trackers:
            tracker.log(dict(values), step=step)

    def __enter__(self) -> Self:
        """Return the trackers themselves."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish, whatever has happened."""
        self.finish()

    def finish(self) -> None:
        """Tell the trackers that the run is over."""
        for tracker in self._trackers:
            tracker.finish()


def _import(names: Sequence[str]) -> Iterator[Any]:
    for name in names:
        try:
            yield importlib.import_module(name)
        except ImportError as error:
            print(f"warning: no {name}: {error}; install it, or leave it out of --tracker")
