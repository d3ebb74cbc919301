"""Files that the program writes, seen by an audit hook."""

import os
import re
import sys
import tempfile
from typing import Any, Final

from .sources import source_files

CHANNELS: Final = ("file_written", "source_file")
SEAM: Final = "sys.addaudithook: open and os.rename; torch.save, which opens files natively"
BLIND: Final = "files opened by native code and by child processes"
_WRITING: Final = frozenset("wax+")
_MOMENT: Final = re.compile(r"\d{8}[-_T]?\d{6}|\d{4}-\d\d-\d\d[-_T]\d\d[-:]\d\d[-:]\d\d")


def install(listener: Any) -> None:
    """Collect paths while the program runs and observe them at its end."""
    opened: dict[str, str] = {}
    # Python takes __file__ away from the main module before exit handlers run.
    main_file = getattr(sys.modules["__main__"], "__file__", None)
    ignored = tuple(os.path.realpath(path) + os.sep for path in ("/dev", "/proc", listener.settings["directory"]))

    def hook(event: str, args: Any) -> None:
        if event == "open":
            path, mode, _ = args
            if isinstance(path, str) and isinstance(mode, str) and not _WRITING.isdisjoint(mode):
                opened[path] = "written"
        elif event == "os.rename":
            source, target = (os.fspath(part) for part in args[:2])
            if isinstance(source, str) and isinstance(target, str):
                opened[target] = f"renamed from {os.path.basename(source)}"

    def saved(_: Any, target: Any) -> None:
        if isinstance(target, (str, os.PathLike)):
            opened[os.fspath(target)] = "written"

    def observe(_: int) -> None:
        for path, how in sorted(opened.items()):
            full = os.path.realpath(path)
            if not _is_scratch(full, ignored):
                listener.observe("file_written", how, _MOMENT.sub("{time}", listener.places.path(path)))
        for name, statistics in source_files(listener.places, main_file):
            listener.observe("source_file", statistics, name)

    sys.addaudithook(hook)
    listener.on("saved", "files", saved)
    listener.on("finish", "files", observe)


def _is_scratch(path: str, ignored: tuple[str, ...]) -> bool:
    name = os.path.basename(path)
    return path.startswith(ignored) or "__pycache__" in path or name.startswith(tempfile.gettempprefix())
