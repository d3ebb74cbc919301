"""Printed lines as a template and the numbers taken out of it.

Also loaded inside recorded programs: the standard library only.
"""

import re
from typing import Final

PLACE: Final = "{}"
_MOMENT: Final = re.compile(
    r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?(?!\w)"
    r"|\b\d{1,2}:\d\d:\d\d(?:[.,]\d+)?\b"
    r"|(?<=\[)\d\d:\d\d(?=<)|(?<=<)\d\d:\d\d(?=,)"
)
_NUMBER: Final = re.compile(
    r"(?<![\w.])(?!0[xX][0-9a-fA-F])[-+]?"
    r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|(?:inf|nan)(?![A-Za-z]))"
    r"(?![\d.]*[A-Za-z]*[\d_])"
)
_LONGEST: Final = 2000


def split_line(line: str) -> tuple[str, list[float]]:
    """Return the template of ``line``, numbers replaced by ``{}``, and the numbers in order.

    Dates and times of day become ``{time}`` and are no numbers; digits inside words and paths stay text. Only what
    follows the last carriage return counts, as on a terminal. Braces that were printed are pushed apart.
    """
    line = line.rstrip("\r").rsplit("\r", 1)[-1].strip()[:_LONGEST].replace(PLACE, "{ }")
    line = _MOMENT.sub("{time}", line)
    numbers: list[float] = []

    def take(match: re.Match[str]) -> str:
        numbers.append(float(match.group().replace(",", "")))
        return PLACE

    return _NUMBER.sub(take, line), numbers
