"""Training and evaluation: the mode of each, and what an evaluation leaves behind for the training."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from parity.invariants.model import Found, Invariant, Unseen, violation
from parity.invariants.reading import first, root, trained
from parity.trace.model import Process, Series, Trace

_NOTHING: Final = "nothing"


def _evaluates_in_eval(trace: Trace) -> Iterator[Found]:
    for process in trace.processes:
        known = trained(process) or {""}
        for series in process.channel("eval_influence"):
            found = first(series, series.values != _NOTHING)
            if found is None:
                continue
            index, update, more = found
            if root(series.name) not in known:
                yield Unseen(f"{series.name} is a teacher, a target or an average, whose mode may be meant")
                continue
            observed = f"in train() mode, with effect: {series.python(index)}"
            yield violation("eval_influence", series.name, process.rank, update, observed, "eval() mode", more=more)


def _trains_in_train(trace: Trace) -> Iterator[Found]:
    for process in trace.processes:
        series = process.get("train_mode")
        evaluated = process.get("eval_forwards")
        found = first(series, series.values == 0) if series is not None else None
        if series is None or found is None:
            continue
        index, update, more = found
        if evaluated is None or evaluated.updates[0] >= update:
            yield Unseen("eval() mode was not left behind by an evaluation, so it may be meant")
        elif (series.values[index:] != 0).any():
            yield Unseen("some models train in eval() mode and others do not, so it may be meant")
        else:
            observed = "eval() mode, after an evaluation"
            yield violation("train_mode", "", process.rank, update, observed, "train() mode", more=more)


def _leaves_random_numbers(trace: Trace) -> Iterator[Found]:
    heard = False
    for process in trace.processes:
        known = trained(process) or {""}
        for series in process.channel("eval_draws"):
            # Without gradients a teacher or a target is asked in every update, as a part of the training.
            if root(series.name) not in known:
                continue
            heard = True
            found = first(series, series.values == 1)
            if found is not None and _training_draws(process, series):
                _, update, more = found
                observed = "the evaluation before it drew from the generators of the training"
                expected = "none drawn, or put back"
                yield violation("eval_draws", series.name, process.rank, update, observed, expected, more=more)
    if not heard:
        yield Unseen("no evaluation of a model that is trained was followed by training")


def _training_draws(process: Process, evaluations: Series) -> bool:
    """Whether training itself uses random numbers, in its forwards or for its data."""
    forwards = process.get("rng_consumed", "training forward")
    outside = process.get("rng_consumed", "outside the model")
    if forwards is not None and forwards.values.any():
        return True
    # An evaluation draws outside the model too: only updates without one before them tell.
    return outside is not None and bool(outside.values[~np.isin(outside.updates, evaluations.updates)].any())


RULES = (
    Invariant(
        id="evaluation-in-eval-mode",
        title="A model that is trained is evaluated in eval() mode",
        broken="The model is evaluated in train() mode",
        needs=("eval_forwards", "eval_mode"),
        reads=("eval_influence",),
        check=_evaluates_in_eval,
        consequence="Dropout is active or batch statistics are rewritten while evaluating: estimates are noisy, and "
        "the evaluation changes the training.",
        advice="Call model.eval() before evaluating and model.train() after it.",
    ),
    Invariant(
        id="training-in-train-mode",
        title="Training goes on in train() mode after an evaluation",
        broken="Training goes on in eval() mode after an evaluation",
        needs=("train_mode",),
        reads=("eval_forwards",),
        check=_trains_in_train,
        consequence="Dropout is off and batch statistics are frozen for the rest of the training.",
        advice="Call model.train() after every evaluation.",
    ),
    Invariant(
        id="evaluation-leaves-random-numbers",
        title="An evaluation leaves the random numbers of the training alone",
        broken="Evaluations use up random numbers of the training",
        needs=("rng_consumed",),
        reads=("eval_draws",),
        check=_leaves_random_numbers,
        consequence="Data order and dropout depend on how often and how long is evaluated: runs with other evaluation "
        "settings cannot be compared.",
        advice="Give the evaluation a generator of its own (also its DataLoader), or put the state back after it.",
    ),
)
