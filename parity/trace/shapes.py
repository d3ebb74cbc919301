"""Shapes as texts tell them, such as ``int64[4, 32]``."""

import re
from typing import Final

_BRACKETS: Final = re.compile(r"\[([\d, ]*)\]")


def dimensions(text: object) -> tuple[int, ...] | None:
    """Sizes of all dimensions, or None where ``text`` is no shape."""
    found = _BRACKETS.search(text) if isinstance(text, str) else None
    return tuple(int(part) for part in found.group(1).split(",") if part.strip()) if found else None
