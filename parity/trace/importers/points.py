"""What every importer yields: numbers with a step and a tag, as the source holds them."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from parity.errors import SourceUnreadableError
from parity.trace.precision import Precision, printed_precision

_WORDS: Final = {
    "nan": math.nan,
    "inf": math.inf,
    "+inf": math.inf,
    "-inf": -math.inf,
    "infinity": math.inf,
    "+infinity": math.inf,
    "-infinity": -math.inf,
}
STEPS: Final = ("step", "_step", "global_step", "iteration", "iter", "update", "current_step")


@dataclass(frozen=True)
class Options:
    """What the user says about a source: the pattern of a line, the run among several."""

    pattern: str | None = None
    run: str | None = None


@dataclass(frozen=True)
class Point:
    """One value of one metric; ``text`` is the number as printed, empty where it was stored in binary."""

    step: int
    tag: str
    value: float
    text: str = ""


@dataclass
class Imported:
    """The content of a source: its points in their order, the precision of their tags, and what could not be read."""

    points: list[Point] = field(default_factory=list)
    precision: dict[str, Precision] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def judge_texts(self, *, always: bool = False) -> None:
        """Derive the precision of every tag from its printed numbers."""
        texts: dict[str, list[str]] = {}
        for point in self.points:
            texts.setdefault(point.tag, []).append(point.text)
        for tag, printed in texts.items():
            precision = printed_precision(printed, always=always)
            if precision is not None:
                self.precision[tag] = precision


class Printed(float):
    """A number that remembers how it was printed."""

    text: str

    def __new__(cls, text: str) -> Self:
        """The number that ``text`` says."""
        number = super().__new__(cls, text)
        number.text = text
        return number


def parse_json(text: str | bytes) -> Any:
    """``text`` as JSON whose numbers remember how they were printed.

    Raises:
        ValueError: it is none.
    """
    return json.loads(text, parse_float=Printed, parse_int=Printed, parse_constant=Printed)


def parse_number(text: str) -> Printed | None:
    """``text`` as a number, NaN and infinities included; None if it is none."""
    try:
        return Printed(text.strip())
    except ValueError:
        return None


def numbers(value: Any, tag: str = "") -> Iterator[tuple[str, Printed]]:
    """All numbers in a JSON value by their path, joined with "/"; NaN and infinities may be texts. No lists."""
    if isinstance(value, Printed):
        yield tag, value
    elif isinstance(value, str) and value.lower() in _WORDS:
        yield tag, Printed(value)
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from numbers(below, f"{tag}/{key}" if tag else str(key))


def whole(number: float) -> int | None:
    """``number`` as a step; None if it is not whole."""
    return int(number) if math.isfinite(number) and number == int(number) else None


def read_bytes(path: Path) -> bytes:
    """The content of a file of a source.

    Raises:
        SourceUnreadableError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror}); name a file or directory that a tracker has written"
        raise SourceUnreadableError(message) from error
