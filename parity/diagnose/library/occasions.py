"""When and how often something was observed, and what an evaluation brings with it."""

from collections import Counter
from collections.abc import Collection
from typing import Final

from parity.compare.measurement import Difference
from parity.diagnose.case import Case, Place
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import ANY, VALUE, Prediction, at, expects, first
from parity.trace.channels import Phase
from parity.trace.model import Process

Counts = dict[int, int]

FORWARDS: Final = "eval_forwards"
_EVALUATION: Final = (FORWARDS, "eval_mode", "eval_batch_shape", "eval_batch", "eval_output")


def counts(process: Process, channel: str) -> Counts:
    """How many values ``channel`` has under each update, in order."""
    found = Counter(int(update) for series in process.channel(channel) for update in series.updates)
    return dict(sorted(found.items()))


def evaluations(case: Case) -> tuple[Counts, Counts]:
    """Evaluation forwards after each update, as far as both sides go on training: what else is missing is cut off."""
    if case.sides is None:
        return {}, {}
    lengths = {side.updates for side in case.sides}
    limit = min(lengths) - len(lengths)
    ours, theirs = (
        {update: count for update, count in counts(side, FORWARDS).items() if update <= limit} for side in case.sides
    )
    return ours, theirs


def beginning(case: Case, difference: Difference) -> Place | None:
    """The beginning of the first evaluation with missing or extra forwards."""
    one = first(case, FORWARDS, differences={difference})
    return at(one.update, Phase.EVAL) if one is not None else None


def disturbance(start: Place) -> tuple[Prediction, ...]:
    """What other evaluations bring with them: their own observations, generators and data streams afterwards."""
    return expects(*_EVALUATION, since=start), expects("rng", "batch", since=start, differences=VALUE)


def saved_there(updates: Collection[int]) -> Prediction:
    """Predict checkpoints that are written, or not written any more, along with the evaluations at ``updates``."""
    checkpoints = expects("checkpoint_file", "checkpoint_kind", "checkpoint_moved", differences=ANY - VALUE)
    return lambda measurement: measurement.update in updates and checkpoints(measurement)


def occasions(ours: Counts, theirs: Counts, updates: list[int]) -> tuple[str, ...]:
    """Evidence: forwards at the first of ``updates``, and at how many updates there are any."""
    lines = [
        evidence.both(f"evaluation forwards, {evidence.moment(u)}", ours.get(u, 0), theirs.get(u, 0))
        for u in updates[:3]
    ]
    return (*lines, evidence.both("updates followed by an evaluation", len(ours), len(theirs)))
