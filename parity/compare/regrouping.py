"""The same samples in other micro-batches, or in another order within an update."""

from typing import Final

import numpy as np

from parity.compare.measurement import Difference, Measurement
from parity.trace.model import Process, Series, Trace

GROUPED: Final = frozenset({"micro_steps", "batch", "batch_shape", "target", "target_shape", "train_mode", "rng"})
"""Structure that follows from how the samples of an update are divided into micro-batches."""
PARTIAL: Final = frozenset({"loss", "output"})
"""Numbers of one micro-step, which mean the same only when an update's are taken together."""


def same_samples(reference: Trace, candidate: Trace) -> bool:
    """Whether every update of every rank consumed the same samples on both sides; not where it was not observed."""
    pairs = [(one.get("samples"), _samples(candidate, one.rank)) for one in reference.processes]
    return reference.world == candidate.world and all(
        ours is not None
        and theirs is not None
        and np.array_equal(ours.updates, theirs.updates)
        and np.array_equal(ours.values, theirs.values)
        for ours, theirs in pairs
    )


def follows(measurement: Measurement, reference: Trace, candidate: Trace) -> bool:
    """Whether ``measurement`` says no more than that the same samples come in other micro-batches.

    Random numbers that the model itself draws are others then, and make it another training.
    """
    if measurement.channel.name == "train_mode":
        return measurement.difference is not Difference.VALUE
    if measurement.channel.name == "rng":
        return not any(_draws(process) for trace in (reference, candidate) for process in trace.processes)
    return measurement.channel.name in GROUPED


def _samples(trace: Trace, rank: int) -> Series | None:
    process = trace.rank(rank)
    return process.get("samples") if process is not None else None


def _draws(process: Process) -> bool:
    series = process.get("rng_consumed", "training forward")
    return series is None or bool(series.values.any())
