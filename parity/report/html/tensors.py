"""Which tensors differ, since when, and by how much as far as sketches tell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from parity.align.names import FILE_SEPARATOR, STATE_SEPARATOR
from parity.compare.distances import distances
from parity.findings.model import Judgement
from parity.report.tracks import Standing, Track
from parity.trace.channels import Carries, Kind
from parity.trace.model import Trace

_TENSORS: Final = frozenset({"parameter_initial", "buffer_initial", "optimizer_state_initial", "checkpoint_tensor"})
_IN_CHECKPOINT: Final = "model."
_MOST: Final = 1500


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One tensor in one channel.

    ``differing`` of ``compared`` observations differ, the first in update ``since``; ``first`` and ``largest`` are
    distances relative to the reference, None where no sketch tells, the largest in update ``at``.
    """

    track: Track
    kind: str
    differing: int
    compared: int
    since: int | None
    first: float | None
    largest: float | None
    at: int | None


def tensors(judgement: Judgement, tracks: Sequence[Track]) -> tuple[list[Tensor], int]:
    """The tensors, those that differ first, and how many were left out of a list that would be too long."""
    found = [one for one in tracks if one.channel.kind is Kind.DIGEST and _is_tensor(one)]
    found.sort(key=lambda one: (one.standing, one.first.place if one.first is not None else ()))
    kinds = _kinds(judgement.comparison.reference) | _kinds(judgement.comparison.candidate)
    return [_tensor(judgement, one, kinds) for one in found[:_MOST]], max(0, len(found) - _MOST)


def _is_tensor(track: Track) -> bool:
    return bool(track.name) and (track.channel.carries is Carries.VALUES or track.channel.name in _TENSORS)


def _tensor(judgement: Judgement, track: Track, kinds: Mapping[str, str]) -> Tensor:
    known = list(_known_distances(judgement, track)) if track.standing is not Standing.IDENTICAL else []
    largest = max(known, key=lambda pair: pair[1], default=None)
    first = track.first
    return Tensor(
        track=track,
        kind=_kind(track.name, kinds),
        differing=len(track.apart),
        compared=len(track.updates),
        since=first.update if first is not None else None,
        first=first.estimate if first is not None else None,
        largest=largest[1] if largest is not None else None,
        at=largest[0] if largest is not None else None,
    )


def _known_distances(judgement: Judgement, track: Track) -> Iterator[tuple[int, float]]:
    reference = judgement.comparison.reference.rank(track.rank)
    candidate = judgement.comparison.candidate.rank(track.rank)
    if reference is None or candidate is None or track.reference is None or track.candidate is None:
        return
    apart = distances(reference, track.reference, candidate, track.candidate)
    for position in np.flatnonzero(np.isfinite(apart) & (apart > 0)):
        yield int(track.reference.updates[position]), float(apart[position])


def _kind(name: str, kinds: Mapping[str, str]) -> str:
    """Shape and type of the parameter itself, of the one that a state belongs to, or that a checkpoint holds."""
    owner, key = name.rpartition(STATE_SEPARATOR)[0], name.partition(FILE_SEPARATOR)[2]
    return next((kinds[one] for one in (name, owner, key, key.removeprefix(_IN_CHECKPOINT)) if one in kinds), "")


def _kinds(trace: Trace) -> dict[str, str]:
    """Shape and type of every parameter, by its name."""
    return {
        one.name: str(one.python(-1))
        for process in reversed(trace.processes)
        for one in process.channel("parameter_kind")
        if len(one)
    }
