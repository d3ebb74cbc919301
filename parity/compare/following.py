"""From the traces of a leader and its follower to a verdict on every phase of every update.

A phase of an update is judged where all that goes into it was equal or was taken over from the reference. Where it was
not, what it shows is no difference of its own: it is taken out of both traces, and not compared, with the reason.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np

from parity.align.names import STATE_SEPARATOR, Alignment, align_names
from parity.compare.measurement import NotCompared
from parity.trace.channels import Carries, Phase, Role
from parity.trace.model import Key, Process, Series, Trace

_LAST: Final = 1 << 30
Updates = dict[int, str]
"""Updates, and why something is not compared there."""


@dataclass(frozen=True, kw_only=True)
class PhaseVerdict:
    """One phase over all updates: where it was judged, where it differs, where it was not compared and why."""

    name: str
    judged: int
    different: tuple[int, ...]
    not_compared: int
    reasons: tuple[str, ...] = ()

    @property
    def first(self) -> int | None:
        """The first update at which the phase differs."""
        return self.different[0] if self.different else None


@dataclass(frozen=True, kw_only=True)
class Separation:
    """Both traces without consequences, and what was taken out."""

    reference: Trace
    candidate: Trace
    not_compared: tuple[NotCompared, ...]
    pair: "Pair"
    excuses: "Excuses"

    def phases(self, counting: Collection[tuple[str, str]]) -> tuple[PhaseVerdict, ...]:
        """The verdict on every phase; differences in ``counting`` series (channel, reference's name) matter."""
        return tuple(_verdicts(self.pair, self.excuses, counting))


@dataclass(frozen=True)
class Notes:
    """What a follower said about itself: writes in all, by update, what could not be taken over, and until when."""

    process: Process

    @cached_property
    def _said(self) -> list[Mapping[str, Any]]:
        return [note["follow"] for note in self.process.notes if "follow" in note]

    @property
    def writes(self) -> dict[str, int]:
        """Number of values taken over, by what they are."""
        found: Counter[str] = Counter()
        for writes in self.written.values():
            found.update(writes)
        return dict(sorted(found.items()))

    @cached_property
    def written(self) -> dict[int, Mapping[str, int]]:
        """Values taken over in each update."""
        return {int(said["update"]): said["writes"] for said in self._said if "writes" in said}

    @cached_property
    def unforced(self) -> dict[int, Mapping[str, str]]:
        """What could not be taken over in each update, and why."""
        return {int(said["update"]): said["unforced"] for said in self._said if said.get("unforced")}

    @property
    def alone(self) -> tuple[int, str]:
        """The update from which on the follower was alone, and why; beyond all updates where it never was."""
        return next(((int(said["update"]), str(said["alone"])) for said in self._said if "alone" in said), (_LAST, ""))


def separate(reference: Trace, candidate: Trace) -> Separation:
    """Tell what differs by itself from what differs because something before it does."""
    ours, theirs = reference.processes[0], candidate.processes[0]
    pair = Pair(ours, theirs, align_names(ours, theirs))
    excuses = Excuses(pair)
    taken: list[NotCompared] = []
    kept: tuple[dict[Key, Series], dict[Key, Series]] = {}, {}
    for series, other in pair.series():
        one = series or other
        assert one is not None
        out = excuses.of(one.channel.name, series.name if series else one.name)
        for side, whole in zip(kept, (series, other), strict=True):
            if whole is not None and len(left := _without(whole, out)):
                side[whole.key] = left
        taken += [
            NotCompared(channel=one.channel.name, name=one.name, reason=why) for why in dict.fromkeys(out.values())
        ]
    return Separation(
        reference=replace(reference, processes=(replace(ours, series=kept[0]),)),
        candidate=replace(candidate, processes=(replace(theirs, series=kept[1]),)),
        not_compared=tuple(dict.fromkeys(taken)),
        pair=pair,
        excuses=excuses,
    )


@dataclass(frozen=True)
class Pair:
    """Two processes, series by series."""

    reference: Process
    candidate: Process
    alignment: Alignment

    def series(self) -> Iterator[tuple[Series | None, Series | None]]:
        """All series of both sides, each with its counterpart if there is one."""
        met = set()
        for (channel, name), series in self.reference.series.items():
            other = (channel, self.alignment.candidate_name(channel, name))
            met.add(other)
            yield series, self.candidate.series.get(other)
        yield from ((None, series) for key, series in self.candidate.series.items() if key not in met)

    @cached_property
    def different(self) -> dict[str, dict[str, frozenset[int]]]:
        """Updates at which values differ, are missing or extra, by channel and by the reference's name."""
        found: dict[str, dict[str, frozenset[int]]] = {}
        for series, other in self.series():
            one = series or other
            assert one is not None
            updates = _differing(series, other)
            if updates:
                found.setdefault(one.channel.name, {})[one.name] = updates
        return found

    def differs(self, *channels: str) -> frozenset[int]:
        """Updates at which anything in ``channels`` differs."""
        return frozenset().union(
            *(updates for channel in channels for updates in self.different.get(channel, {}).values())
        )


class Excuses:
    """Why values are not compared at some updates: what feeds them differs, and could not be taken over."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        notes = Notes(pair.candidate)
        self._alone = notes.alone
        fed = self._unforced(notes, "inputs", "parameters", "buffers", "generators")
        cut = dict.fromkeys(pair.differs("micro_steps"), "the number of micro-steps differs")
        fed |= cut
        shown = dict.fromkeys(
            pair.differs("train_mode", "output", "output_content") - fed.keys(), "the forward differs"
        )
        lost = self._unforced(notes, "outputs")
        target = dict.fromkeys(pair.differs("target", "target_shape"), "what the loss is measured against differs")
        scale = dict.fromkeys(pair.differs("loss") - _written(notes, "output gradients"), "the loss differs")
        loss = fed | lost | target
        gradient = loss | scale | shown
        clip = self._unforced(notes, "gradients")
        step = self._unforced(notes, "clipped gradients", "learning rates", "optimizer state")
        step |= dict.fromkeys(pair.differs("step_skipped"), "the step is skipped on one side")
        evaluation = self._unforced(notes, "evaluation inputs")
        self._by_channel: dict[str, Updates] = {
            **dict.fromkeys(("output", "output_content", "rng_left"), fed),
            **dict.fromkeys(("loss", "output_gradient", "target", "target_shape"), fed),
            **dict.fromkeys(("gradient", "gradient_norm"), gradient),
            **dict.fromkeys(("clip_norm", "gradient_applied"), clip),
            **dict.fromkeys(("parameter", "optimizer_state", "parameter_outside"), step),
            **dict.fromkeys(("eval_output", "eval_content", "eval_rng"), evaluation),
            "train_mode": cut,
            "buffer": fed | shown,
        }
        self._by_channel |= {"loss": loss, "output_gradient": loss}
        self._grouped = {name: min(at) for name, at in pair.different.get("optimizer_group", {}).items()}

    def of(self, channel: str, name: str) -> Updates:
        """Updates at which the series is not compared, and why."""
        out = dict(self._by_channel.get(channel, {}))
        parameter = name.rpartition(STATE_SEPARATOR)[0] if channel == "optimizer_state" else name
        if channel in ("parameter", "optimizer_state") and parameter in self._grouped:
            why = "the hyper-parameters that apply to it differ"
            out |= dict.fromkeys(self._updates(since=self._grouped[parameter]), why)
        since, why = self._alone
        return out | dict.fromkeys(self._updates(since=since), f"not followed: {why}")

    def _updates(self, since: int) -> range:
        """Updates that both sides have: what one has beyond them is missing or extra, however it came about."""
        return range(since, min(self._pair.reference.last_update, self._pair.candidate.last_update) + 1)

    @staticmethod
    def _unforced(notes: Notes, *whats: str) -> Updates:
        return {
            update: f"{what} could not be taken over: {reasons[what]}"
            for update, reasons in notes.unforced.items()
            for what in whats
            if what in reasons
        }


def _updates(series: Series | None, other: Series | None) -> set[int]:
    """Updates at which either side has a value."""
    return {update for one in (series, other) if one is not None for update in one.updates.tolist()}


def _written(notes: Notes, what: str) -> frozenset[int]:
    return frozenset(update for update, writes in notes.written.items() if what in writes)


def _differing(series: Series | None, other: Series | None) -> frozenset[int]:
    """Updates at which two series are not equal, bit for bit and value by value."""
    if series is None or other is None:
        one = series if series is not None else other
        return frozenset(one.updates.tolist()) if one is not None else frozenset()
    ours, theirs = _bits(series), _bits(other)
    if np.array_equal(series.updates, other.updates):
        return frozenset(series.updates[ours != theirs].tolist())
    return frozenset(
        update
        for update in {*series.updates.tolist(), *other.updates.tolist()}
        if series.at(update).tolist() != other.at(update).tolist()
    )


def _bits(series: Series) -> Any:
    return series.values.view(np.uint64) if series.values.dtype == np.float64 else series.values


def _without(series: Series, out: Iterable[int]) -> Series:
    kept = ~np.isin(series.updates, list(out))
    return series if kept.all() else replace(series, updates=series.updates[kept], values=series.values[kept])


_SETUP: Final = "setup"
_BETWEEN: Final = "between"
_CARRIED: Final = frozenset({"parameter_carried", "optimizer_state_carried"})


@dataclass
class _Row:
    """One phase while it is being judged."""

    judged: set[int] = field(default_factory=set)
    different: set[int] = field(default_factory=set)
    excused: dict[int, str] = field(default_factory=dict)


def _verdicts(pair: Pair, excuses: Excuses, counting: Collection[tuple[str, str]]) -> Iterator[PhaseVerdict]:
    """What is known of each phase: it differs where anything in it does, and is equal where nothing was taken out."""
    rows = {name: _Row() for name in (_SETUP, _BETWEEN, *(phase.name.lower() for phase in Phase if phase))}
    for series, other in pair.series():
        one = series or other
        assert one is not None
        channel = one.channel
        if channel.role is not Role.BEHAVIOUR and channel.carries is not Carries.VALUES:
            continue
        row = rows[_BETWEEN if channel.name in _CARRIED else channel.phase.name.lower()]
        updates = _updates(series, other)
        out = {update: why for update, why in excuses.of(channel.name, one.name).items() if update in updates}
        row.judged |= updates - out.keys()
        if (channel.name, one.name) in counting:
            row.different |= pair.different.get(channel.name, {}).get(one.name, frozenset()) - out.keys()
        row.excused |= out
    for name, row in rows.items():
        left_out = {update: why for update, why in row.excused.items() if update not in row.different}
        yield PhaseVerdict(
            name=name,
            judged=len(row.judged - left_out.keys()),
            different=tuple(sorted(row.different)),
            not_compared=len(left_out),
            reasons=tuple(dict.fromkeys(left_out.values())),
        )
