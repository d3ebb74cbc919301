"""From the traces of a leader and its follower to a verdict on every phase of every update.

A phase of an update is judged where all that goes into it was equal or was taken over from the reference. Where it was
not, what it shows is no difference of its own: it is taken out of both traces, and not compared, with the reason.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from parity.align.names import align_names
from parity.compare.excuses import Excuses, Pair, updates_of
from parity.compare.measurement import NotCompared
from parity.trace.channels import Carries, Phase, Role
from parity.trace.model import Key, Process, Series, Trace


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
    ranks: tuple[tuple[Pair, Excuses], ...]

    def phases(self, counting: Collection[tuple[str, str]]) -> tuple[PhaseVerdict, ...]:
        """The verdict on every phase; differences in ``counting`` series (channel, reference's name) matter."""
        return tuple(_verdicts(self.ranks, counting))


def separate(reference: Trace, candidate: Trace) -> Separation:
    """Tell what differs by itself from what differs because something before it does, on every rank."""
    taken: list[NotCompared] = []
    ranks: list[tuple[Pair, Excuses]] = []
    kept: tuple[list[Process], list[Process]] = [], []
    for ours in reference.processes:
        theirs = candidate.rank(ours.rank)
        if theirs is None:
            continue
        pair = Pair(ours, theirs, align_names(ours, theirs))
        excuses = Excuses(pair)
        ranks.append((pair, excuses))
        for whole, side, series in zip((ours, theirs), kept, _kept(pair, excuses, taken), strict=True):
            side.append(replace(whole, series=series))
    return Separation(
        reference=replace(reference, processes=tuple(kept[0])),
        candidate=replace(candidate, processes=tuple(kept[1])),
        not_compared=tuple(dict.fromkeys(taken)),
        ranks=tuple(ranks),
    )


def _kept(pair: Pair, excuses: Excuses, taken: list[NotCompared]) -> tuple[dict[Key, Series], dict[Key, Series]]:
    """The series of both sides without what is excused, which goes to ``taken``."""
    kept: tuple[dict[Key, Series], dict[Key, Series]] = {}, {}
    for one, series, other in pair.series():
        out = excuses.of(one.channel.name, one.name)
        for side, whole in zip(kept, (series, other), strict=True):
            if whole is not None and len(left := _without(whole, out)):
                side[whole.key] = left
        reasons = dict.fromkeys(out[update] for update in sorted(out.keys() & updates_of(series, other)))
        taken += [NotCompared(channel=one.channel.name, name=one.name, reason=reason) for reason in reasons]
    return kept


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


def _verdicts(ranks: Iterable[tuple[Pair, Excuses]], counting: Collection[tuple[str, str]]) -> Iterator[PhaseVerdict]:
    """What is known of each phase: it differs where it does on any rank, and is equal where nothing was taken out."""
    rows = {name: _Row() for name in (_SETUP, _BETWEEN, *(phase.name.lower() for phase in Phase if phase))}
    for pair, excuses in ranks:
        _fill(rows, pair, excuses, counting)
    for name, row in rows.items():
        left_out = {update: why for update, why in row.excused.items() if update not in row.different}
        yield PhaseVerdict(
            name=name,
            judged=len(row.judged - left_out.keys()),
            different=tuple(sorted(row.different)),
            not_compared=len(left_out),
            reasons=tuple(dict.fromkeys(left_out.values())),
        )


def _fill(rows: Mapping[str, _Row], pair: Pair, excuses: Excuses, counting: Collection[tuple[str, str]]) -> None:
    for one, series, other in pair.series():
        channel = one.channel
        if channel.role is not Role.BEHAVIOUR and channel.carries is not Carries.VALUES:
            continue
        row = rows[_BETWEEN if channel.name in _CARRIED else channel.phase.name.lower()]
        updates = updates_of(series, other)
        out = {update: why for update, why in excuses.of(channel.name, one.name).items() if update in updates}
        row.judged |= updates - out.keys()
        if (channel.name, one.name) in counting:
            row.different |= pair.different.get(channel.name, {}).get(one.name, frozenset()) - out.keys()
        row.excused |= out
