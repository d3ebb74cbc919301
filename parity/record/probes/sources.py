"""The source files that a running program is made of."""

import sys
from collections.abc import Iterator
from typing import Any


def source_files(places: Any, main_file: str | None) -> Iterator[tuple[str, str]]:
    """Yield the neutral path and the statistics of every file that is the program's own, the script itself first."""
    seen: set[str] = set()
    loaded = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    for file in [main_file, *loaded]:
        if isinstance(file, str) and file.endswith(".py") and file not in seen and not places.is_foreign(file):
            seen.add(file)
            statistics = _statistics(file)
            if statistics:
                yield places.path(file), statistics


def _statistics(file: str) -> str:
    try:
        with open(file, encoding="utf-8", errors="replace") as source:
            lines = source.read().splitlines()
    except OSError:
        return ""
    heads = [line.lstrip() for line in lines]
    functions = sum(head.startswith(("def ", "async def ")) for head in heads)
    classes = sum(head.startswith("class ") for head in heads)
    return f"{len(lines)} lines, {functions} functions, {classes} classes"
