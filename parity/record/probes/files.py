"""Files that the program writes, seen by an audit hook."""

import os
import re
import sys
import tempfile
from typing import Any, Final

from .sources import source_files

CHANNELS: Final = ("file_written", "table_file", "source_file")
SEAM: Final = (
    "sys.addaudithook: open, os.rename and os.remove; what probe checkpoints hears, which opens files natively"
)
BLIND: Final = "files opened before torch is imported, by other native code and by child processes"
_WRITING: Final = frozenset("wax+")
_WRITING_FLAGS: Final = os.O_WRONLY | os.O_RDWR
_EVENTS: Final = frozenset({"open", "os.rename", "os.remove"})
_TABLES: Final = (".csv", ".json", ".jsonl", ".tsv")
_UNCLEAR: Final = "(unclear)"
_REMOVED: Final = "written and removed"
_MOMENT: Final = re.compile(
    r"(?<=tfevents\.)\d+\..+|(?<=run-)\d{8}_\d{6}-\w{8}(?!\w)"
    r"|\d{8}[-_T]?\d{6}|\d{4}-\d\d-\d\d[-_T]\d\d[-:]\d\d[-:]\d\d"
)


def install(listener: Any) -> None:
    """Collect paths while the program runs and observe them at its end."""
    opened: dict[str, str] = {}
    # Python takes __file__ away from the main module before exit handlers run.
    main_file = getattr(sys.modules["__main__"], "__file__", None)
    ignored = tuple(os.path.realpath(path) + os.sep for path in ("/dev", "/proc", listener.settings["directory"]))

    def note(event: str, args: Any) -> None:
        if event == "open":
            path, mode, flags = args
            writes = not _WRITING.isdisjoint(mode) if isinstance(mode, str) else bool(flags & _WRITING_FLAGS)
            if writes and isinstance(path, (str, bytes)):
                opened[_full(path)] = "written"
        elif event == "os.rename":
            opened[_full(args[1])] = f"renamed from {_numberless(os.path.basename(_full(args[0])))}"
        elif event == "os.remove" and (path := _full(args[0])) in opened:
            opened[path] = _REMOVED

    def hook(event: str, args: Any) -> None:
        if event in _EVENTS:
            try:
                note(event, args)
            except Exception as error:  # it would be raised where the program opens its file
                opened.setdefault(_UNCLEAR, f"{event}: {error}")

    def saved(_: Any, target: Any) -> None:
        if isinstance(target, (str, os.PathLike)):
            opened[_full(target)] = "written"

    def observe(_: int) -> None:
        for path, how in sorted(opened.items()):
            full = os.path.realpath(path)
            if not _is_scratch(full, ignored) and not (how == _REMOVED and os.path.dirname(full) == _scratch()):
                name = _MOMENT.sub("{time}", listener.places.path(path))
                listener.observe("file_written", how, name)
                if full.endswith(_TABLES) and os.path.isfile(full):
                    listener.observe("table_file", "left", name)
        for name, statistics in source_files(listener.places, main_file):
            listener.observe("source_file", statistics, name)

    listener.patches.audit(hook)
    listener.on("saved", "files", saved)
    listener.on("finish", "files", observe)


def _numberless(name: str) -> str:
    """``name`` without the number of this process, by which programs tell their temporary files apart."""
    return re.sub(rf"(?<!\d){os.getpid()}(?!\d)", "{process}", name)


def _full(path: Any) -> str:
    """The path as it is now: a program may change its directory."""
    return os.path.abspath(os.fsdecode(path))


def _is_scratch(path: str, ignored: tuple[str, ...]) -> bool:
    name = os.path.basename(path)
    return path.startswith(ignored) or "__pycache__" in path or name.startswith(tempfile.gettempprefix())


def _scratch() -> str | None:
    """The directory for temporary files, where Python has chosen one: it tries each by writing to it."""
    return os.path.realpath(tempfile.tempdir) if tempfile.tempdir else None
