"""Numbers that are known less than exactly: equal within what was printed is neither identical nor different."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from parity.compare.series import positions
from parity.trace.model import Series, Trace
from parity.trace.precision import Precision, stored_precisions

_SLACK = 1 + 1e-9


@dataclass(frozen=True)
class Precisions:
    """What is known of the precision of both sides' series, by name; nothing for what was recorded."""

    reference: Mapping[str, Precision]
    candidate: Mapping[str, Precision]

    def of(self, name: str, candidate_name: str) -> tuple[Precision | None, Precision | None]:
        """Precision of both sides; None where a value is exact."""
        return self.reference.get(name), self.candidate.get(candidate_name)


def find_precisions(reference: Trace, candidate: Trace) -> Precisions:
    """The precisions that the manifests declare."""
    return Precisions(stored_precisions(reference.manifest), stored_precisions(candidate.manifest))


def within_precision(
    reference: Series, candidate: Series, ours: Precision | None, theirs: Precision | None
) -> tuple[Series, str]:
    """The candidate with every value that agrees replaced by the reference's, and why equality proves no identity.

    The reason is empty where both sides are exact. Numbers of one precision agree when they are the same; of two, when
    some number could have been rounded to both.
    """
    coarse = [one for one in (ours, theirs) if one is not None]
    if not coarse:
        return candidate, ""
    known = " against ".join(dict.fromkeys(map(str, coarse)))
    reason = f"equal as far as it is known ({known}), which proves no identity"
    if ours == theirs:
        return candidate, reason
    left, right = positions(reference, candidate)
    one, other = reference.values[left], candidate.values[right]
    room = sum((p.half_units(v) for p, v in ((ours, one), (theirs, other)) if p is not None), np.zeros(len(one)))
    with np.errstate(invalid="ignore"):
        agree = np.abs(one - other) <= room * _SLACK
    values = candidate.values.copy()
    values[right[agree]] = one[agree]
    return replace(candidate, values=values), reason
