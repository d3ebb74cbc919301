"""What becomes of parameters: those that should move do, and those that should not do not."""

import math
import re
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from parity.invariants.model import Found, Invariant, Unseen, violation
from parity.invariants.reading import first, root, skipped, trained
from parity.trace.device_digests import ON_DEVICES, digest_of_zeros
from parity.trace.digests import ALGORITHM, digest_bytes
from parity.trace.model import Process, Series, Trace

_KIND: Final = re.compile(r"([a-z]+\d*)\w*\[([\d, ]*)\]")
_BYTES: Final = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "complex64": 8, "complex128": 16}


def _moving(trace: Trace) -> Iterator[Found]:
    for process in trace.processes:
        if process.header.get("digest") not in (ALGORITHM, ON_DEVICES):
            yield Unseen("gradients of zero cannot be told from others: another digest algorithm was used")
            continue
        for series in process.channel("parameter"):
            initial = process.get("parameter_initial", series.name)
            gradient = process.get("gradient", series.name)
            if initial is None or gradient is None or not (series.values == initial.values[0]).all():
                continue
            zero = _zero(process, series.name)
            used = ~np.isin(gradient.values, zero) & ~np.isin(gradient.updates, _idle(process))
            found = first(gradient, used)
            # Of a part of a parameter the size is not known, and so neither is how its zero looks.
            if found is None or not zero or (trace.world > 1 and len(np.unique(gradient.values)) == 1):
                continue
            observed = f"unchanged after {len(series)} updates, gradient {gradient.python(found[0])}"
            yield violation("parameter", series.name, process.rank, found[1], observed, "a change")


def _idle(process: Process) -> NDArray[np.int64]:
    """Updates that cannot change anything: skipped, or at rate zero throughout."""
    rates = list(process.channel("lr"))
    if not rates:
        return skipped(process)
    still = np.concatenate([one.updates[one.values == 0] for one in rates])
    moving = np.concatenate([one.updates[one.values != 0] for one in rates])
    return np.union1d(skipped(process), np.setdiff1d(still, moving))


def _zero(process: Process, name: str) -> list[int]:
    """The digests of a parameter of this kind that holds nothing but zeros; none where the kind is not known."""
    kind = process.get("parameter_kind", name)
    match = _KIND.match(str(kind.values[-1])) if kind is not None else None
    if match is None or match.group(1) not in _BYTES:
        return []
    elements = math.prod(int(size) for size in match.group(2).split(",") if size.strip())
    size = _BYTES[match.group(1)]
    on_devices = [digest_of_zeros(elements, size)] if process.header.get("digest") == ON_DEVICES else []
    return [digest_bytes(bytes(elements * size)), *on_devices]


def _frozen(trace: Trace) -> Iterator[Found]:
    for process in trace.processes:
        for switches in process.channel("trainable"):
            series = process.get("parameter", switches.name)
            if series is None:
                continue
            initial = process.get("parameter_initial", switches.name)
            before = np.concatenate([initial.values[:1] if initial is not None else series.values[:1], series.values])
            found = first(series, (series.values != before[:-1]) & _without_gradient(switches, series.updates))
            if found is not None:
                index, update, more = found
                observed = f"changed to {series.python(index)} while it requires no gradient"
                yield violation("parameter", series.name, process.rank, update, observed, "no change", more=more)


def _without_gradient(switches: Series, updates: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the parameter was frozen at each of ``updates``; trainable before the first switch."""
    at = np.searchsorted(switches.updates, updates, side="right") - 1
    frozen: NDArray[np.bool_] = (at >= 0) & (switches.values[np.maximum(at, 0)] == 0)
    return frozen


def _held(trace: Trace) -> Iterator[Found]:
    for process in trace.processes:
        known = trained(process)
        for series in process.channel("unheld_gradient"):
            # A model of which an optimizer holds nothing at all is only passed through, such as a perceptual loss.
            if series.values[-1] == 1 and root(series.name) in known:
                update = int(series.updates[-1])
                observed = "gets a gradient and is in no optimizer"
                yield violation("unheld_gradient", series.name, process.rank, update, observed, "an optimizer")


def _apart(trace: Trace) -> Iterator[Found]:
    for process in trace.processes:
        series = process.get("repeated_steps")
        found = first(series, series.values > 0) if series is not None else None
        if series is not None and found is not None:
            index, update, more = found
            observed = f"{series.python(index)} parameters stepped again with the same gradient"
            yield violation("repeated_steps", "", process.rank, update, observed, "one step for each", more=more)


def _tied(trace: Trace) -> Iterator[Found]:
    loads = False
    for process in trace.processes:
        for series in process.channel("weights_loaded"):
            loads = True
            found = first(series, series.values != "")
            if found is not None:
                index, update, more = found
                observed = f"{series.python(index)} no longer share one parameter"
                yield violation("weights_loaded", series.name, process.rank, update, observed, "one", more=more)
    if not loads:
        yield Unseen("no weights were loaded into a module")


RULES = (
    Invariant(
        id="gradient-moves-parameter",
        title="A parameter that gets a gradient moves",
        broken="Parameters get gradients and never move",
        needs=("parameter", "gradient", "parameter_initial", "parameter_kind"),
        check=_moving,
        consequence="These parameters are not trained, though it costs as much as if they were.",
        advice="Check the learning rate of their group, whether the step is rounded away in the precision of the "
        "parameter, and whether the optimizer still holds the parameters that the model uses.",
    ),
    Invariant(
        id="frozen-stays",
        title="A frozen parameter does not move",
        broken="Frozen parameters move",
        needs=("parameter", "carried_gradients"),
        reads=("trainable",),
        check=_frozen,
        consequence="Weight decay, momentum or a gradient that was left over changes what was meant to be kept.",
        advice="Set the gradient to None when freezing, or leave frozen parameters out of the optimizer.",
    ),
    Invariant(
        id="trained-by-an-optimizer",
        title="A parameter that gets a gradient is held by an optimizer",
        broken="Parameters get gradients and are held by no optimizer",
        needs=("optimizer_group", "carried_gradients"),
        reads=("unheld_gradient",),
        check=_held,
        consequence="These parameters stay as they were initialised.",
        advice="Build the optimizer after the whole model, from all of its parameters; freeze with "
        "requires_grad_(False) what is meant to stay.",
    ),
    Invariant(
        id="one-step-per-gradient",
        title="A gradient is applied to a parameter once",
        broken="A gradient is applied to a parameter twice",
        needs=("repeated_steps",),
        check=_apart,
        consequence="The parameter moves twice as far as its learning rate says, with two sets of moments.",
        advice="Look for a parameter in two optimizers, and for an optimizer that is stepped twice.",
    ),
    Invariant(
        id="ties-survive-loading",
        title="Parameters that share one storage still do after weights are loaded",
        broken="Tied parameters are no longer tied after weights were loaded",
        needs=("parameter_kind",),
        reads=("weights_loaded",),
        check=_tied,
        consequence="From then on the two are trained apart: another model, with more parameters.",
        advice="Load without assign=True, or tie the weights again after loading.",
    ),
)
