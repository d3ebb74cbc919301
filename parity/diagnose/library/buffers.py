"""Causes in what a model keeps beside its parameters."""

from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import START, VALUE, expects, explained, measurements
from parity.diagnose.registry import Cause, rule


@rule(
    "buffer-initialisation",
    needs=("buffer_initial",),
    predicts="these buffers, and every number from the first forward on",
    advice="Compare what these tables are computed from: bases, lengths, masks, and the precision of the computation.",
)
def buffer_initialisation(case: Case) -> Cause | None:
    """Buffers begin with other values, and no parameter does."""
    found = [one for one in measurements(case, "buffer_initial", differences=VALUE) if one.update < 0]
    if not found or case.findings("parameter_initial", "parameter_kind"):
        return None
    names = list(dict.fromkeys(one.name for one in found))
    return Cause(
        id="buffer-initialisation",
        title=f"The candidate's model begins with {evidence.plural(len(names), 'other buffer')}",
        explains=explained(case, expects("buffer_initial", differences=VALUE), since=START),
        evidence=(
            f"{len(names)} of {len(case.pairs('buffer_initial'))} differ: {evidence.listing(names)}",
            "all parameters begin as the reference's",
        ),
        consequence="The model computes something else from equal weights and equal data.",
    )
