"""A difference between both sides, measured and not judged."""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from parity.align.names import Alignment
from parity.trace.channels import Channel, Kind, Phase
from parity.trace.model import Trace, Value

_SIGN: Final = 1 << 63
_MICRO_STEP_PHASES: Final = frozenset({Phase.DATA, Phase.FORWARD, Phase.LOSS})
_AFTER_TRAINING: Final = 1 << 60
_AFTER_EVERYTHING: Final = 1 << 61


class Difference(Enum):
    """What kind of difference was measured, seen from the candidate."""

    VALUE = "value"
    MISSING = "missing"
    EXTRA = "extra"


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The first difference of one kind in one series of one rank, and how far it extends.

    ``update`` and ``ordinal`` (position among the values of that update, for example the micro-step) place the first
    difference. ``reference`` or ``candidate`` is None where that side has no value. ``absolute``, ``relative`` (to the
    reference) and ``ulp`` (steps between neighbouring float64 values) are None where they mean nothing. ``estimate`` is
    the relative distance of two tensors of which only sketches are known. ``differing`` of ``compared`` values differ,
    or are missing or extra.
    """

    channel: Channel
    name: str
    candidate_name: str
    rank: int
    difference: Difference
    update: int
    ordinal: int
    reference: Value | None
    candidate: Value | None
    absolute: float | None = None
    relative: float | None = None
    ulp: int | None = None
    estimate: float | None = None
    differing: int = 1
    compared: int = 1

    @property
    def phase(self) -> Phase:
        """Causal position of the channel."""
        return self.channel.phase

    @property
    def place(self) -> tuple[int, int, int]:
        """Sort key in the order of importance: as ``moment``, but printed numbers after everything that trains.

        A printed number is a consequence and causes nothing, whenever it was printed.
        """
        update, phase, within = self.moment
        return (update + _AFTER_TRAINING, phase, within) if self.phase is Phase.LOG else self.moment

    @property
    def moment(self) -> tuple[int, int, int]:
        """Sort key in causal order, see the function ``moment``."""
        return moment(self.update, self.phase, self.ordinal)


@dataclass(frozen=True, kw_only=True)
class NotCompared:
    """Something that could not be compared, and why. It never looks like "identical"."""

    channel: str
    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How much of one channel was compared: series and values with a counterpart, and how many of them are equal."""

    series: int
    values: int
    equal: int


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything measured between two traces, in causal order.

    ``blind`` says why no content of tensors could be compared, or is empty: then nothing is known about parity.
    """

    reference: Trace
    candidate: Trace
    alignment: Alignment
    measurements: tuple[Measurement, ...]
    not_compared: tuple[NotCompared, ...]
    coverage: Mapping[str, Coverage]
    blind: str = ""


def moment(update: int, phase: Phase, ordinal: int = 0) -> tuple[int, int, int]:
    """Sort key in causal order: update, phase, position within.

    The phases of one micro-step come before those of the next; the end of the run comes last.
    """
    if phase in _MICRO_STEP_PHASES:
        return update, int(Phase.DATA), ordinal * len(Phase) + int(phase)
    return update + (_AFTER_EVERYTHING if phase is Phase.EXIT else 0), int(phase), ordinal


def phase_at(place: tuple[int, int, int]) -> Phase:
    """The phase of a sort key that ``moment`` made."""
    phase = Phase(place[1])
    return Phase(place[2] % len(Phase) or int(phase)) if phase is Phase.DATA else phase


def sizes(kind: Kind, reference: Value, candidate: Value) -> tuple[float | None, float | None, int | None]:
    """Absolute, relative and ULP size of the difference of two values; None for digests and texts."""
    if kind in (Kind.DIGEST, Kind.TEXT) or isinstance(reference, str) or isinstance(candidate, str):
        return None, None, None
    if not (math.isfinite(reference) and math.isfinite(candidate)):
        return None, None, None
    ulp = abs(_ordered(candidate) - _ordered(reference)) if kind is Kind.FLOAT else None
    absolute = abs(candidate - reference)
    if not math.isfinite(absolute):
        return None, None, ulp
    relative = absolute / abs(reference) if reference else None
    return float(absolute), relative, ulp


def _ordered(value: float) -> int:
    """Map a float64 to an integer so that neighbouring floats are neighbouring integers; -0.0 and 0.0 coincide."""
    bits: int = struct.unpack("<Q", struct.pack("<d", value))[0]
    return _SIGN - bits if bits >= _SIGN else bits
