"""Printed numbers that are readings of a clock: they differ between any two runs and prove nothing."""

import re
from typing import Final

from parity.trace.lines import PLACE

_UNIT_AFTER: Final = re.compile(
    r"\s*(?:ns|us|ms|s|sec|secs|seconds?|min|minutes?|h|hours?|[a-z]+/s|[a-z]+/sec|[a-z]+ per second)(?![a-z])",
    re.IGNORECASE,
)
_LABEL_BEFORE: Final = re.compile(
    r"(?:\b(?:time|elapsed|took|duration|eta|dt|seconds|throughput|mfu|flops|tflops|speed|latency|timestamp|date|pid|port)"
    r"|/s|/sec|per second|per_second|_ms|_s|_sec|\[)[^A-Za-z{}]{0,4}$",
    re.IGNORECASE,
)


def is_clock_reading(name: str) -> bool:
    """Whether a printed number, named ``template#position``, is a time, a rate or the like, by the words around it."""
    template, _, position = name.rpartition("#")
    parts = template.split(PLACE)
    index = int(position)
    if index + 1 >= len(parts):
        return False
    return _UNIT_AFTER.match(parts[index + 1]) is not None or _LABEL_BEFORE.search(parts[index]) is not None
