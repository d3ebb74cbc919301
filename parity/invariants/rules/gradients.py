"""Loss and gradients: finite, exact, cleared, and unscaled when they are clipped."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from parity.invariants.model import Found, Invariant, Unseen, violation
from parity.invariants.reading import first, skipped
from parity.trace.model import Trace

_FINITE: Final = ("loss", "gradient_norm", "eval_output")
_LOW: Final = ("float16", "bfloat16", "float8")


def _finite(trace: Trace) -> Iterator[Found]:
    for process in trace.processes:
        spared = skipped(process)
        for channel in _FINITE:
            for series in process.channel(channel):
                # An overflow that the loss scaler meets and skips is how it finds its scale.
                found = first(series, ~np.isfinite(series.values) & ~np.isin(series.updates, spared))
                if found is not None:
                    index, update, more = found
                    observed = series.python(index)
                    yield violation(channel, series.name, process.rank, update, observed, "a number", more=more)


def _cleared(trace: Trace) -> Iterator[Found]:
    for process in trace.processes:
        series = process.get("carried_gradients")
        found = first(series, series.values > 0) if series is not None else None
        if series is not None and found is not None:
            index, update, more = found
            observed = f"gradients of {series.python(index)} parameters still hold those of the step before"
            yield violation("carried_gradients", "", process.rank, update, observed, "cleared ones", more=more)


def _unscaled(trace: Trace) -> Iterator[Found]:
    heard = False
    for process in trace.processes:
        series = process.get("clip_scale")
        if series is None:
            continue
        heard = True
        found = first(series, series.values != 1.0)
        if found is not None:
            index, update, more = found
            observed = f"clipped while scaled by {series.python(index)}"
            yield violation("clip_scale", "", process.rank, update, observed, "unscaled gradients", more=more)
    if not heard:
        yield Unseen("no gradients were clipped under a loss scaler")


def _precise(trace: Trace) -> Iterator[Found]:
    for process in trace.processes:
        for series in process.channel("loss_dtype"):
            low = np.array([any(part.startswith(_LOW) for part in text.split(", ")) for text in series.values])
            found = first(series, low)
            if found is not None:
                index, update, _ = found
                observed = f"computed in {series.python(index)}"
                yield violation("loss_dtype", "", process.rank, update, observed, "float32 or better")


RULES = (
    Invariant(
        id="numbers-finite",
        title="Loss and gradients are finite",
        broken="A loss or a gradient is not finite",
        needs=("loss",),
        reads=("gradient_norm", "eval_output", "step_skipped"),
        check=_finite,
        consequence="A step with such a gradient destroys the parameters, and everything after it is lost.",
        advice="Look at the batch, the learning rate and the precision at the first such place.",
    ),
    Invariant(
        id="gradients-cleared",
        title="Gradients are cleared between updates",
        broken="Gradients are accumulated across updates",
        needs=("carried_gradients",),
        check=_cleared,
        consequence="Every step is made with the sum of all gradients so far, an unwanted momentum that never decays.",
        advice="Call optimizer.zero_grad() once in every update, outside the loop over micro-steps.",
    ),
    Invariant(
        id="clipped-unscaled",
        title="Gradients are clipped after the loss scale is removed",
        broken="Gradients are clipped while they carry the loss scale",
        needs=("loss",),
        reads=("clip_scale",),
        check=_unscaled,
        consequence="Practically every gradient is clipped, to the limit divided by the scale.",
        advice="Call scaler.unscale_(optimizer) before clipping.",
    ),
    Invariant(
        id="loss-precise",
        title="The loss is computed in float32 or better",
        broken="The loss is computed in low precision",
        needs=("loss_dtype",),
        check=_precise,
        consequence="A bfloat16 loss has three digits: small changes are rounded away, and so are parts of the "
        "gradient of a large vocabulary.",
        advice="Convert the logits with .float() before the loss, or compute it under autocast.",
    ),
)
