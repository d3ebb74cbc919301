"""What values an operation takes: checked before anything changes."""

from __future__ import annotations

import math
from typing import TypeGuard

from trainers.common.errors import OperationError


def is_count(value: object, *, at_least: int = 1) -> TypeGuard[int]:
    """Whether ``value`` is an integer, which True is not, and large enough."""
    return type(value) is int and value >= at_least


def is_number(value: object) -> TypeGuard[float]:
    """Whether ``value`` is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def expect_count(value: object, wanted: str, *, at_least: int = 1) -> int:
    """Return ``value``, which has to be an integer that is large enough.

    Raises:
        OperationError: it is not what is ``wanted``.
    """
    if is_count(value, at_least=at_least):
        return value
    raise refusal(value, wanted)


def expect_share(value: object, wanted: str) -> float:
    """Return ``value``, which has to be a number above 0 and up to 1.

    Raises:
        OperationError: it is not what is ``wanted``.
    """
    if is_number(value) and 0 < value <= 1:
        return value
    raise refusal(value, wanted)


def expect_pair(value: object, wanted: str) -> tuple[object, object]:
    """Return the two items of ``value``, which has to be a list of two.

    Raises:
        OperationError: it is not what is ``wanted``.
    """
    if isinstance(value, list) and len(value) == 2:
        return value[0], value[1]
    raise refusal(value, wanted)


def refusal(value: object, wanted: str) -> OperationError:
    """Make the error that says so."""
    return OperationError(f"expected {wanted}, got {value!r}")
