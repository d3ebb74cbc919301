"""Several ranks of one training: different data, the same parameters."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from parity.invariants.model import Found, Invariant, Unseen, violation
from parity.invariants.reading import is_data_parallel
from parity.trace.model import Series, Trace

_HALF: Final = 0.5


def _other_batches(trace: Trace) -> Iterator[Found]:
    reason = _alone(trace)
    if reason:
        yield Unseen(reason)
        return
    one = trace.processes[0]
    for series in one.channel("batch"):
        if len(series) > 1 and len(np.unique(series.values)) == 1:
            yield Unseen("the data never changes")
            return
        for other in trace.processes[1:]:
            theirs = other.get("batch", series.name)
            equal = _equal(series, theirs) if theirs is not None else np.zeros(0, bool)
            if not len(equal) or equal.mean() < _HALF:
                continue
            index = int(np.nonzero(equal)[0][0])
            observed = f"{int(equal.sum())} of {len(equal)} batches are those of rank {one.rank}"
            update = int(series.updates[index])
            yield violation("batch", series.name, other.rank, update, observed, "data of its own")


def _same_parameters(trace: Trace) -> Iterator[Found]:
    reason = _alone(trace)
    if reason:
        yield Unseen(reason)
        return
    one = trace.processes[0]
    for series in one.channel("parameter"):
        for other in trace.processes[1:]:
            theirs = other.get("parameter", series.name)
            differ = ~_equal(series, theirs) if theirs is not None else np.zeros(0, bool)
            if differ.any():
                index = int(np.nonzero(differ)[0][0])
                observed = f"not the content that it has on rank {one.rank}"
                update, more = int(series.updates[index]), int(differ.sum()) - 1
                yield violation("parameter", series.name, other.rank, update, observed, "the same", more=more)


def _alone(trace: Trace) -> str:
    if trace.world < 2:
        return "one rank only"
    return "" if is_data_parallel(trace) else "no DistributedDataParallel was seen, so ranks may differ, or share data"


def _equal(ours: Series, theirs: Series) -> NDArray[np.bool_]:
    """Whether the values agree, as far as both ranks observed them under the same updates."""
    size = min(len(ours), len(theirs))
    agree: NDArray[np.bool_] = ours.values[:size] == theirs.values[:size]
    together = ours.updates[:size] == theirs.updates[:size]
    return agree[: size if together.all() else int(np.argmin(together))]


RULES = (
    Invariant(
        id="ranks-see-other-data",
        title="Data-parallel ranks see different batches",
        broken="Data-parallel ranks see the same batches",
        needs=("batch",),
        check=_other_batches,
        consequence="The ranks compute the same gradient: the effective batch is that of one rank.",
        advice="Seed the data of each rank by its rank, or use a DistributedSampler.",
    ),
    Invariant(
        id="replicas-agree",
        title="Replicated parameters are equal on all ranks",
        broken="Replicated parameters differ between ranks",
        needs=("parameter",),
        check=_same_parameters,
        consequence="The ranks train different models, and only one of them is saved.",
        advice="Look for a forward that goes around the wrapper (model.module), a flag that switches the exchange of "
        "gradients off, and updates that only some ranks make.",
    ),
)
