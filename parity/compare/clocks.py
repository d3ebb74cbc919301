"""Printed numbers that are readings of a clock: they differ between any two runs and prove nothing."""

import re
from typing import Final

from parity.trace.lines import PLACE

_UNIT_AFTER: Final = re.compile(
    r"\s*(?:(?:ns|us|\u00b5s|\u03bcs|ms|s|secs?|seconds?|minutes?|h|hours?)(?![A-Za-z])"
    r"|min(?![A-Za-z])(?!\s*[:=]?\s*\0)"
    r"|[kKMGT]?\s?[A-Za-z]+(?:/s|/sec|/second| per second)(?![A-Za-z]))"
)
_LABEL_BEFORE: Final = re.compile(
    r"(?:(?:\b|_)(?:time|runtime|elapsed|took|duration|eta|dt|secs?|seconds|throughput|mfu|t?flops|speed|latency)"
    r"(?:\s*\([a-z]+\)|(?:/| per )[a-z]+)?"
    r"|\b(?:timestamp|date|pid|port)|/s|/sec|/second|per second|per_second|_ms|_s)[^A-Za-z{}]{0,4}$",
    re.IGNORECASE,
)


def is_clock_reading(name: str) -> bool:
    """Whether a printed number, named ``template#position``, is a time, a rate or the like, by the words around it."""
    template, _, position = name.rpartition("#")
    parts = template.split(PLACE)
    index = int(position)
    if index + 1 >= len(parts):
        return False
    after = parts[index + 1] + ("\0" if index + 2 < len(parts) else "")
    return _UNIT_AFTER.match(after) is not None or _LABEL_BEFORE.search(parts[index]) is not None
