"""Causes in what a model keeps beside its parameters."""

from parity.compare.measurement import Difference
from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import START, VALUE, expects, explained, measurements
from parity.diagnose.parting import parting
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


@rule(
    "buffer-not-updated",
    needs=("buffer",),
    predicts="these buffers, and every number from the next forward that reads them on",
    advice="Look for what should write the buffer in the forward: an assignment in place of a copy, a detached copy, a "
    "state that is not handed on.",
)
def buffer_not_updated(case: Case) -> Cause | None:
    """Buffers that the reference's training changes never change in the candidate, and nothing differs before."""
    place = parting(case.judgement)
    if place is None or place.channel.name != "buffer" or place.first.difference is not Difference.MISSING:
        return None
    found = [one for one in measurements(case, "buffer") if one.difference is Difference.MISSING]
    names = list(dict.fromkeys(one.name for one in found))
    still = next((one for one in found if one.compared == one.differing), None)
    if still is None or any(each.get("buffer", still.name) is not None for each in case.candidate.processes):
        return None
    return Cause(
        id="buffer-not-updated",
        title=f"The candidate's training never changes {evidence.plural(len(names), 'buffer')} of its model",
        explains=explained(case, expects("buffer"), since=place.first.moment),
        evidence=(
            f"never written by an update: {evidence.listing(names)}; in the reference by {still.differing} updates",
            "all that is trained is the same until then",
        ),
        consequence="What the model keeps from one update for the next is lost: statistics, a memory, a queue.",
    )
