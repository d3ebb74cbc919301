"""Numbers and names as the page's data holds them: short, exact enough to be drawn, and harmless inside a script."""

import json
import math
from collections.abc import Iterable
from typing import Final

_DIGITS: Final = 9
_WHOLE: Final = 1e15
_HARMFUL: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
Number = float | int | str | None


def embedded(data: object) -> str:
    """``data`` as JSON that may stand inside a script element: ASCII, without anything that could end the element."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"), sort_keys=True)
    return text.translate(_HARMFUL)


def number(value: float, digits: int = _DIGITS) -> Number:
    """``value`` in as many significant digits; what JSON has no number for as a text."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() and abs(short) < _WHOLE else short


def numbers(values: Iterable[float], present: Iterable[bool], digits: int = _DIGITS) -> list[Number]:
    """``values`` as :func:`number` writes them, None where one is not ``present``."""
    return [number(value, digits) if there else None for value, there in zip(values, present, strict=True)]
