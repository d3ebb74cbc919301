"""A resumed run laid over the straight one: where it belongs, and both of them cut to what they have in common.

What a resumed run finds before its first update, its weights, buffers and optimizer state, is laid over what the
straight run left after the update before.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from parity.checkpoint.model import Leaf
from parity.compare.checkpoint_model import Aspect, CheckpointDifference
from parity.compare.measurement import Comparison, Difference, Measurement, NotCompared
from parity.compare.sections import Section, section
from parity.trace.channels import CHANNELS, Channel, Phase, Role
from parity.trace.model import Key, Process, Series, Trace, Value

_BETWEEN: Final = (Phase.EVAL, Phase.CHECKPOINT)
_WEIGHTS: Final = ("parameter_after", "parameter", "parameter_outside", "parameter_initial")
"""Where weights are seen; of what is seen in the same update, the last thing first."""
_BUFFERS: Final = ("buffer_initial", "buffer")
_FOUND: Final = {
    "parameter_initial": _WEIGHTS,
    "parameter_kind": ("parameter_kind",),
    "tied_storage": ("tied_storage",),
    "buffer_initial": _BUFFERS,
}
"""What a run finds before its first update, and where the straight run shows the same thing."""
_STATE: Final = "optimizer_state_initial"
_WHEN_CHANGED: Final = ("optimizer_type", "optimizer_group", "arithmetic")
_BETWEEN_UPDATES: Final = ("scheduler_steps",)
"""Counts between two updates: there is none before the first update of a process."""
CONTENTS: Final = ("checkpoint_kind", "checkpoint_tensor", "checkpoint_value")
_TRAINING_STATE: Final = frozenset(
    {Section.MODEL, Section.EMA, Section.OPTIMIZER, Section.SCHEDULER, Section.SCALER, Section.RNG}
)
_OTHER_KIND: Final = "what a checkpoint looks like is compared by scenarios of kind train and interrupt"


@dataclass(frozen=True)
class Start:
    """The ``update`` of the straight run that the resumed run begins with, and what it is known ``by``."""

    update: int
    by: str


def find_start(straight: Trace, first: Trace, resumed: Trace) -> Start:
    """Where ``resumed`` goes on: by the weights that it begins with, else by the last checkpoint of ``first``.

    Where several updates left these weights, the one at the checkpoint is meant.
    """
    written = last_checkpoint(first)
    guess = written + 1 if written is not None else max((one.updates for one in first.processes), default=0)
    ours, theirs = _lowest(straight), _lowest(resumed)
    if ours is not None and theirs is not None:
        found = [update + 1 for update in range(ours.last_update + 1) if _begins_with(theirs, ours, update)]
        if found:
            return Start(min(found, key=lambda update: (abs(update - guess), update)), "weights")
    return Start(guess, "checkpoint" if written is not None else "number of updates")


def last_checkpoint(trace: Trace) -> int | None:
    """The update after which the last checkpoint was written, None where none was."""
    written = [series.updates[-1] for one in trace.processes for series in one.channel("checkpoint_file")]
    return int(max(written)) if written else None


def saved_keys(trace: Trace) -> dict[str, list[str]]:
    """Keys of the checkpoint that was written last, by section."""
    last = last_checkpoint(trace)
    found: dict[str, list[str]] = {}
    for process in trace.processes:
        for series in process.channel("checkpoint_kind"):
            if last is not None and series.updates[-1] == last:
                key = series.name.partition("::")[2]
                part = part_of(key)
                if part == Section.OTHER and process.get("checkpoint_tensor", series.name) is not None:
                    part = Section.MODEL.value
                found.setdefault(part, []).append(key)
    return found


def part_of(key: str) -> str:
    """The section of a checkpoint that ``key``, as a trace spells it, belongs to."""
    head, whole = (section(tuple(parts), Leaf("str", "")) for parts in (key.split(".")[:1], key.split(".")))
    # What a configuration is made of, such as a seed, is no state.
    return (head if head is Section.CONFIG else whole).value


def laid_over(straight: Trace, resumed: Trace, start: Start) -> tuple[Trace, Trace]:
    """The straight run from ``start`` on, and the resumed one in its place."""
    pairs = [(one, straight.rank(one.rank)) for one in resumed.processes]
    moved = {one.rank: _moved(one, start.update) for one in resumed.processes}
    tails = tuple(_tail(other, one, start.update) for one, other in pairs if other is not None)
    return replace(straight, processes=tails), replace(resumed, processes=tuple(moved.values()))


def with_lost_state(
    comparison: Comparison,
    reference: Sequence[CheckpointDifference] | None,
    candidate: Sequence[CheckpointDifference] | None,
) -> Comparison:
    """``comparison`` of two resumed runs, and what only the ``candidate`` saves otherwise than its own straight run.

    State that nothing reads before the end, an average, the count to the next growth of a loss scale, is lost in the
    file alone. What the reference loses too is how this training is.
    """
    known = {one.section for one in reference or ()}
    lost = [one for one in candidate or () if one.section in _TRAINING_STATE - known]
    last = max((one.last_update for one in comparison.candidate.processes), default=-1)
    measured = (_lost(one, last) for one in lost)
    return replace(comparison, measurements=(*comparison.measurements, *measured))


def _lost(difference: CheckpointDifference, update: int) -> Measurement:
    name = f"{difference.unit}::{'.'.join(map(str, difference.key))}"
    kinds = {Aspect.MISSING: Difference.MISSING, Aspect.EXTRA: Difference.EXTRA}
    return Measurement(
        channel=CHANNELS["checkpoint_value"],
        name=name,
        candidate_name=name,
        rank=0,
        difference=kinds.get(difference.aspect, Difference.VALUE),
        update=update,
        ordinal=0,
        reference=difference.reference,
        candidate=difference.candidate,
    )


def _lowest(trace: Trace) -> Process | None:
    return trace.processes[0] if trace.processes else None


def _begins_with(resumed: Process, straight: Process, update: int) -> bool:
    begun = {one.name: one.values[0] for one in resumed.channel("parameter_initial") if one.updates[0] < 0}
    trained: dict[str, list[Value]] = {}
    for one in (*straight.channel("parameter"), *straight.channel("parameter_after")):
        trained.setdefault(one.name, []).extend(one.at(update)[-1:].tolist())
    common = [name for name in begun if trained.get(name)]
    return bool(common) and all(begun[name] in trained[name] for name in common)


def _moved(process: Process, start: int) -> Process:
    kept = {key: one for key, one in process.series.items() if not _is_beside(one)}
    before = {key: one.before(0) if one.channel.name in _FOUND else one for key, one in kept.items()}
    moved = {key: replace(one, updates=one.updates + start) for key, one in before.items() if len(one)}
    return replace(process, series=moved)


def _tail(straight: Process, resumed: Process, start: int) -> Process:
    found: dict[Key, Series] = {}
    for one in straight.series.values():
        if _is_beside(one) or one.channel.name in _FOUND or one.channel.name == _STATE:
            continue
        if one.channel.name in _WHEN_CHANGED:
            found[one.key] = _carried(one, start)
            continue
        first = start - 1 if one.channel.phase in _BETWEEN and _is_before(resumed.get(*one.key)) else start
        found[one.key] = _since(one, first + (one.channel.name in _BETWEEN_UPDATES))
    for one in (*_inventory(straight, resumed, start), *_states(straight, start)):
        found[one.key] = one
    return replace(straight, series={key: one for key, one in found.items() if len(one)})


def _is_beside(series: Series) -> bool:
    """Whether this belongs to a run and not to its training: printed lines, its end, its configuration."""
    channel = series.channel
    if channel.phase in (Phase.LOG, Phase.EXIT) or (channel.phase is Phase.SETUP and channel.role is Role.CONTEXT):
        return True
    return channel.name.startswith("checkpoint_") and part_of(series.name.partition("::")[2]) == Section.CONFIG


def _is_before(series: Series | None) -> bool:
    return series is not None and bool((series.updates[:1] < 0).any())


def _since(series: Series, update: int) -> Series:
    begin = int(np.searchsorted(series.updates, update))
    return replace(series, updates=series.updates[begin:], values=series.values[begin:])


def _carried(series: Series, start: int) -> Series:
    """What is observed only when it changes: the value that is in force at ``start``, and the later ones."""
    begin = max(int(np.searchsorted(series.updates, start, side="right")) - 1, 0)
    return replace(series, updates=np.maximum(series.updates[begin:], start), values=series.values[begin:])


def _inventory(straight: Process, resumed: Process, start: int) -> Iterator[Series]:
    """What the straight run had at the place of everything that the resumed run finds."""
    for name, sources in _FOUND.items():
        for one in resumed.channel(name):
            # A tied parameter is trained under the name of its owner.
            owner = straight.get("tied_storage", one.name) if name == "parameter_initial" else None
            names = (one.name, *(() if owner is None else owner.values.tolist()))
            last = _last((straight.get(source, each) for source in sources for each in names), start)
            if _is_before(one) and last is not None:
                yield replace(_single(CHANNELS[name], last, start - 1), name=one.name)


def _states(straight: Process, start: int) -> Iterator[Series]:
    for one in straight.channel("optimizer_state"):
        last = _last([one], start)
        if last is not None:
            yield _single(CHANNELS[_STATE], last, start)


def _last(series: Iterable[Series | None], start: int) -> Series | None:
    """The last series that has a value before ``start``, cut to these values."""
    found = [one.before(start) for one in series if one is not None]
    return max((one for one in found if len(one)), key=lambda one: int(one.updates[-1]), default=None)


def _single(channel: Channel, series: Series, update: int) -> Series:
    return Series(channel, series.name, np.array([update], dtype=np.int64), series.values[-1:])


def beside_contents(comparison: Comparison) -> Comparison:
    """``comparison`` without what checkpoints hold, and under which names: here it counts what comes of them."""
    kept = tuple(one for one in comparison.measurements if one.channel.name not in CONTENTS)
    if len(kept) == len(comparison.measurements):
        return comparison
    left = tuple(NotCompared(channel=name, name="", reason=_OTHER_KIND) for name in CONTENTS)
    return replace(comparison, measurements=kept, not_compared=(*comparison.not_compared, *left))
