"""Printed or tracked numbers that are readings of a clock: they differ between any two runs and prove nothing."""

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
_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_CLOCKS: Final = frozenset(
    {
        *("time", "runtime", "timestamp", "elapsed", "duration", "eta", "latency", "throughput", "speed"),
        *("ms", "sec", "secs", "second", "seconds", "minutes", "hours", "mfu", "flops", "tflops", "walltime"),
    }
)


def is_clock_metric(name: str) -> bool:
    """Whether a tracked metric is a time, a rate or the like: by the last word of any part of its path."""
    parts = (_WORDS.findall(part) for part in re.split(r"[/.]", name))
    return any(bool(words) and words[-1].lower() in _CLOCKS for words in parts)


def is_clock_reading(name: str) -> bool:
    """Whether a printed number, named ``template#position``, is a time, a rate or the like, by the words around it."""
    template, _, position = name.rpartition("#")
    parts = template.split(PLACE)
    index = int(position)
    if index + 1 >= len(parts):
        return False
    after = parts[index + 1] + ("\0" if index + 2 < len(parts) else "")
    return _UNIT_AFTER.match(after) is not None or _LABEL_BEFORE.search(parts[index]) is not None
