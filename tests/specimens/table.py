"""The form of a row: a program, how it is started, and what its trace must hold."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from parity.trace.model import Process, Value

Check = Callable[[list[Value]], bool]


@dataclass(frozen=True, kw_only=True)
class Specimen:
    """One program under ``tests/scripts`` and what must be seen of it.

    ``words`` follow the interpreter: ``("gan.py",)``, ``("-m", "package")``. ``expects`` maps ``channel`` (all its
    series together) or ``channel:name`` (one series) to the exact values in order, or to a check of them. ``lacks``
    names channels that must not be there. ``requires`` names modules without which the row is skipped, which CI does
    not allow. A program that may be started from a warm server says so. Of a ``faithful`` one, what it prints and the
    files it writes are also compared with those of the bare program.
    """

    id: str
    words: tuple[str, ...]
    expects: Mapping[str, Sequence[Value] | Check]
    lacks: tuple[str, ...] = ()
    updates: int | None = None
    exit_status: int = 0
    world: int = 1
    warm: bool = True
    faithful: bool = False
    requires: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    level: str = "digest"
    attachments: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def proves(self) -> set[str]:
        """Channels that this row shows to be observed."""
        return {key.partition(":")[0] for key in self.expects}

    def missing(self) -> list[str]:
        """Modules that are required and not installed."""
        return [name for name in self.requires if importlib.util.find_spec(name) is None]


def values(process: Process, key: str) -> list[Value]:
    """What ``process`` holds under ``channel`` or ``channel:name``, in order."""
    channel, separator, name = key.partition(":")
    chosen = [process.get(channel, name)] if separator else list(process.channel(channel))
    return [series.python(index) for series in chosen if series is not None for index in range(len(series))]


def some(found: list[Value]) -> bool:
    """Check: at least one value."""
    return bool(found)


def times(number: int) -> Check:
    """Check: exactly ``number`` values."""
    return lambda found: len(found) == number
