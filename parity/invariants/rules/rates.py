"""The learning rate and what moves it."""

from collections.abc import Iterator

import numpy as np

from parity.invariants.model import Found, Invariant, Unseen, violation
from parity.invariants.reading import first
from parity.trace.model import Trace


def _positive(trace: Trace) -> Iterator[Found]:
    for process in trace.processes:
        for series in process.channel("lr"):
            # An optimizer without a learning rate of its own reads nan.
            found = first(series, series.values <= 0)
            if found is not None:
                index, update, more = found
                yield violation("lr", series.name, process.rank, update, series.python(index), "more than 0", more=more)


def _in_step(trace: Trace) -> Iterator[Found]:
    heard = False
    for process in trace.processes:
        series = process.get("scheduler_surplus")
        if series is None:
            continue
        heard = True
        found = first(series, series.values > 0)
        if found is None:
            continue
        if trace.world > 1 and np.array_equal(series.values, series.updates * (trace.world - 1)):
            yield Unseen("the scheduler steps once for every rank, as a schedule that counts samples may")
            continue
        index, update, more = found
        observed = f"{series.python(index)} steps ahead of the optimizer"
        yield violation("scheduler_surplus", "", process.rank, update, observed, "never ahead", more=more)
    if not heard:
        yield Unseen("no scheduler was stepped whose optimizer was seen to step")


RULES = (
    Invariant(
        id="learning-rate-positive",
        title="The learning rate is positive at every update",
        broken="The learning rate is zero or negative at an update",
        needs=("lr",),
        check=_positive,
        consequence="An update at rate zero consumes its data and changes nothing, but advances the optimizer's "
        "moments; a negative rate climbs.",
        advice="Start a warm-up at (step + 1) / warmup, and check the end of the schedule and the order of "
        "scheduler.step() and optimizer.step().",
    ),
    Invariant(
        id="scheduler-in-step",
        title="A scheduler takes no more steps than its optimizer",
        broken="A scheduler takes more steps than its optimizer",
        needs=("lr",),
        reads=("scheduler_surplus",),
        check=_in_step,
        consequence="The schedule runs ahead of the training: it decays too early, by the number of micro-steps where "
        "it is stepped in their loop, or by the updates that a loss scaler skipped.",
        advice="Call scheduler.step() once after each optimizer.step() that was taken.",
    ),
)
