"""The weight decay that was asked for, and the one that the optimizer applies."""

import math
import re
from collections.abc import Iterator
from typing import Final

from parity.invariants.model import Found, Invariant, Unseen, violation
from parity.invariants.reading import texts
from parity.trace.model import Process, Trace

_ASKED: Final = frozenset({"weight_decay", "weightdecay", "wd"})
_GIVEN: Final = re.compile(r"(?:^|, )weight_decay=([-+.\deE]+)")
_DEFAULTS: Final = {"AdamW": 0.01}


def _applied(trace: Trace) -> Iterator[Found]:
    asked = False
    for process in trace.processes:
        applied = {float(given) for _, text in texts(process, "optimizer_group") for given in _GIVEN.findall(text)}
        for key, wanted in _wishes(process):
            asked = True
            if wanted not in applied and applied <= {0.0, *_defaults(process)}:
                shown = ", ".join(map(repr, sorted(applied))) or "none"
                observed = f"{wanted!r} asked for, {shown} in the groups"
                yield violation("config", key, process.rank, -1, observed, f"a group with {wanted!r}")
    if not asked:
        yield Unseen("the configuration names no weight decay")


def _wishes(process: Process) -> Iterator[tuple[str, float]]:
    """Configuration keys that mean a weight decay, with values other than zero."""
    for key, text in texts(process, "config"):
        if key.rpartition(".")[2].lower().replace("-", "_") in _ASKED:
            try:
                value = float(text)
            except ValueError:
                continue
            if value and math.isfinite(value):
                yield key, value


def _defaults(process: Process) -> set[float]:
    """What a group holds where nothing was passed. Any other value was computed, and may well be meant."""
    return {_DEFAULTS.get(text, 0.0) for _, text in texts(process, "optimizer_type")}


RULES = (
    Invariant(
        id="weight-decay-applied",
        title="The weight decay that the configuration asks for is in a parameter group",
        broken="The weight decay that the configuration asks for is in no parameter group",
        needs=("config", "optimizer_group"),
        check=_applied,
        consequence="The model is trained without the decay, or with the default of the optimizer, whatever is asked "
        "for.",
        advice="Pass weight_decay to the optimizer or to its groups.",
    ),
)
