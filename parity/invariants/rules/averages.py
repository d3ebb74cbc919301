"""Averages of a model's parameters: whether they follow the model."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import numpy as np

from parity.invariants.model import Found, Invariant, Unseen, Violation, violation
from parity.invariants.reading import root
from parity.trace.model import Process, Series, Trace

_AVERAGE_CLASS: Final = re.compile(r"Average|EMA|Ema(?![a-z])")
_AVERAGE_KEY: Final = re.compile(r"(?:^|[._])(?:ema|swa|averaged?|shadow)(?:[._]|$)", re.IGNORECASE)
_FEWEST_UPDATES: Final = 2


def _followed(trace: Trace) -> Iterator[Found]:
    seen = [found for process in trace.processes for found in (*_called(process), *_saved(process))]
    yield from (found for found in seen if found is not None)
    if not seen:
        yield Unseen("no average was called as a model after an update, or saved twice")


def _called(process: Process) -> Iterator[Violation | None]:
    """Models whose class says that they are averages, and that were called early enough; None for one that follows."""
    initials: dict[str, list[Series]] = defaultdict(list)
    for series in process.channel("parameter_initial"):
        if _AVERAGE_CLASS.search(root(series.name)):
            initials[root(series.name)].append(series)
    for prefix, known in initials.items():
        since = int(known[0].updates[0])
        moved = any(series.name.startswith(prefix) for series in process.channel("parameter_outside"))
        if moved:
            yield None
        elif process.updates - since > _FEWEST_UPDATES:
            observed = f"unchanged from update {since} to the end, while the model is trained"
            yield violation("parameter_initial", known[0].name, process.rank, since, observed, "an update")


def _saved(process: Process) -> Iterator[Violation | None]:
    """Averages in checkpoints of one name that are written again, beside a model that changes; None where they do."""
    files: dict[str, list[Series]] = defaultdict(list)
    for series in process.channel("checkpoint_tensor"):
        files[series.name.partition("::")[0]].append(series)
    for tensors in files.values():
        averages = [one for one in tensors if len(one) > 1 and _AVERAGE_KEY.search(one.name.partition("::")[2])]
        others = [one for one in tensors if len(one) > 1 and one not in averages]
        if not averages or not any(_changes(one) for one in others):
            continue
        if any(_changes(one) for one in averages):
            yield None
        else:
            one = averages[0]
            observed = f"the same in {len(one)} checkpoints, while others change"
            yield violation("checkpoint_tensor", one.name, process.rank, int(one.updates[1]), observed, "an update")


def _changes(series: Series) -> bool:
    return len(np.unique(series.values)) > 1


RULES = (
    Invariant(
        id="average-follows",
        title="An average of the parameters is updated",
        broken="An average of the parameters is never updated",
        needs=("parameter", "parameter_initial"),
        reads=("parameter_outside", "checkpoint_tensor"),
        check=_followed,
        consequence="What is evaluated or saved as the average is the model as it was when the average was made.",
        advice="Update the average after every optimizer step, before it is evaluated or saved.",
    ),
)
