"""Whether a model that predicts the next token sees it."""

from collections.abc import Iterator

from parity.invariants.model import Found, Invariant, violation
from parity.invariants.reading import first
from parity.trace.model import Trace


def _causal(trace: Trace) -> Iterator[Found]:
    for process in trace.processes:
        series = process.get("causality")
        found = first(series, series.values > 0) if series is not None else None
        if series is not None and found is not None:
            observed = f"the last token changes the output at {series.python(found[0])} earlier positions"
            yield violation("causality", "", process.rank, found[1], observed, "none")


RULES = (
    Invariant(
        id="causal",
        title="A later token does not change an earlier output",
        broken="A later token changes an earlier output",
        needs=("causality",),
        check=_causal,
        consequence="The model sees what it is asked to predict: the loss is too good, and generation does not match.",
        advice="Check the attention mask and everything that mixes positions: convolutions, norms and means over time.",
    ),
)
