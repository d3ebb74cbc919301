"""All invariants, in the order of the training."""

from typing import Final

from parity.invariants.model import Invariant
from parity.invariants.rules import (
    averages,
    causality,
    decay,
    gradients,
    modes,
    options,
    parameters,
    ranks,
    rates,
    reports,
    samples,
)

_PARTS: Final = (samples, modes, causality, gradients, rates, parameters, decay, averages, ranks, options, reports)
INVARIANTS: Final[tuple[Invariant, ...]] = tuple(rule for part in _PARTS for rule in part.RULES)
