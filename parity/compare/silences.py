"""Where one side could not be heard: what is absent there was not compared, and is neither missing nor extra."""

from collections.abc import Iterator
from dataclasses import dataclass

from parity.compare.measurement import Difference, Measurement
from parity.trace.channels import CHANNELS, Kind
from parity.trace.model import Trace


@dataclass(frozen=True, kw_only=True)
class Silence:
    """Values of some channels that one side could not leave behind, from ``since`` on, on ``rank`` or on all ranks.

    ``absent`` is how such a value looks: missing for the candidate's silence, extra for the reference's.
    """

    absent: Difference
    channels: frozenset[str]
    since: int
    reason: str
    rank: int | None = None

    def covers(self, measurement: Measurement) -> bool:
        """Whether ``measurement`` says no more than that this side was silent."""
        return (
            measurement.difference is self.absent
            and measurement.channel.name in self.channels
            and measurement.update >= self.since
            and self.rank in (None, measurement.rank)
        )


def find_silences(reference: Trace, candidate: Trace) -> tuple[Silence, ...]:
    """All silences of both sides."""
    sides = ((Difference.MISSING, "candidate", candidate), (Difference.EXTRA, "reference", reference))
    return (
        *_after_failure(reference, candidate),
        *(silence for absent, side, trace in sides for silence in _switched_off(absent, side, trace)),
        *(silence for absent, side, trace in sides for silence in _imported(absent, side, trace)),
        *_other_level(reference, candidate),
    )


def _after_failure(reference: Trace, candidate: Trace) -> Iterator[Silence]:
    """A candidate that failed reached nothing after its last update; one that ends as its reference did not fail."""
    if candidate.exit_status and candidate.exit_status != reference.exit_status:
        yield Silence(
            absent=Difference.MISSING,
            channels=frozenset(CHANNELS),
            since=max((process.last_update for process in candidate.processes), default=-1),
            reason=f"the candidate failed before it (exit status {candidate.exit_status})",
        )


def _switched_off(absent: Difference, side: str, trace: Trace) -> Iterator[Silence]:
    """Probes that raised observe nothing from then on; some programs have parts that no probe can see."""
    for process in trace.processes:
        for note in process.notes:
            if "blind" in note:
                yield Silence(
                    absent=absent,
                    channels=frozenset(note.get("channels", ())),
                    since=-1,
                    reason=f"not to be seen on the {side}: {note['blind']}",
                    rank=process.rank,
                )
            if "probe" in note:
                yield Silence(
                    absent=absent,
                    channels=frozenset(note.get("channels", ())),
                    since=int(note.get("update", -1)),
                    reason=f"the probe {note['probe']} was switched off on the {side}",
                    rank=process.rank,
                )


def _imported(absent: Difference, side: str, trace: Trace) -> Iterator[Silence]:
    """An imported run says nothing about the channels that its source does not know."""
    if trace.is_imported:
        held = {channel for process in trace.processes for channel, _ in process.series}
        reason = f"the {side} was {trace.command}, which knows nothing of it"
        yield Silence(absent=absent, channels=frozenset(CHANNELS) - held, since=-1, reason=reason)


def _other_level(reference: Trace, candidate: Trace) -> Iterator[Silence]:
    """A side recorded at a lower level holds no digests."""
    levels = {str(process.header.get("level")) for trace in (reference, candidate) for process in trace.processes}
    if len(levels) > 1:
        digests = frozenset(name for name, channel in CHANNELS.items() if channel.kind is Kind.DIGEST)
        reason = f"the two sides were recorded at different levels ({', '.join(sorted(levels))})"
        for absent in (Difference.MISSING, Difference.EXTRA):
            yield Silence(absent=absent, channels=digests, since=-1, reason=reason)
