"""Comparing what is no tensor: types first, then values bit for bit."""

import struct
from typing import Final

from parity.checkpoint.model import Leaf
from parity.checkpoint.nodes import Primitive

_SHOWN: Final = 80
_FEW: Final = 4


def first_difference(reference: Leaf, candidate: Leaf) -> int | None:
    """Position of the first value that differs, 0 for single values; None where all are equal.

    A float is compared by its bits: NaN equals NaN, and 0.0 is not -0.0. Values of different types differ.
    """
    ours, theirs = reference.value, candidate.value
    if isinstance(ours, tuple) and isinstance(theirs, tuple):
        if ours is theirs:
            return None
        pairs = enumerate(zip(ours, theirs, strict=False))
        found = next((at for at, (one, other) in pairs if not _same(one, other)), None)
        return found if found is not None or len(ours) == len(theirs) else min(len(ours), len(theirs))
    if isinstance(ours, tuple) or isinstance(theirs, tuple):
        return 0
    return None if _same(ours, theirs) else 0


def described(leaf: Leaf, position: int | None = None) -> str:
    """A leaf in words; of a long sequence only what stands at ``position``."""
    value = leaf.value
    if not isinstance(value, tuple):
        return shown(value)
    if len(value) <= _FEW:
        return f"{leaf.type} ({', '.join(shown(one) for one in value)})"
    at = (
        "" if position is None else f", [{position}] = {shown(value[position]) if position < len(value) else 'nothing'}"
    )
    return f"{leaf.type} of {len(value):,}{at}"


def shown(value: Primitive) -> str:
    """One value with all the digits that it needs, cut where it is long."""
    if type(value) is int and value.bit_length() > 256:
        return f"an integer of {value.bit_length():,} bits"
    if isinstance(value, str | bytes) and len(value) > _SHOWN:
        kind = "characters" if isinstance(value, str) else "bytes"
        return f"{value[:_SHOWN]!r}... ({len(value):,} {kind})"
    return repr(value)


def number(value: object) -> float | None:
    """The numeric value of a single value, None where it has none."""
    if isinstance(value, bool | int | float):
        try:
            return float(value)
        except OverflowError:
            return None
    return None


def _same(one: Primitive, other: Primitive) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, float) and isinstance(other, float):
        return struct.pack("<d", one) == struct.pack("<d", other)
    return one == other
