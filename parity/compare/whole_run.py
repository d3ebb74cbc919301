"""What belongs to a run as a whole and to no series of one process."""

from collections.abc import Iterator

from parity.compare.measurement import Difference, Measurement
from parity.trace.channels import CHANNELS
from parity.trace.model import Trace


def compare_whole_runs(reference: Trace, candidate: Trace) -> Iterator[Measurement]:
    """What belongs to the run as a whole: its ranks, its exit status, and a failure before anything was recorded."""
    if reference.is_imported or candidate.is_imported:
        return
    if reference.world != candidate.world and candidate.world:
        yield _whole("world_size", reference.world, candidate.world)
    if reference.exit_status != candidate.exit_status:
        yield _whole("exit_status", str(reference.exit_status), str(candidate.exit_status))
    if reference.processes and not candidate.processes:
        yield _whole("updates", max((one.updates for one in reference.processes), default=0), 0)
    last_error = candidate.manifest.get("last_error_line")
    if (
        last_error
        and last_error != reference.manifest.get("last_error_line")
        and (_is_of_all(last_error) or not any(process.get("exception") for process in candidate.processes))
    ):
        yield _whole("exception", None, str(last_error))


def _is_of_all(error: str) -> bool:
    """Whether it was seen from outside, where no rank can tell: what ranks say when they are ended is an echo."""
    return error.startswith("parity: deadlock")


def _whole(channel: str, reference: int | str | None, candidate: int | str) -> Measurement:
    return Measurement(
        channel=CHANNELS[channel],
        name="",
        candidate_name="",
        rank=0,
        difference=Difference.VALUE if reference is not None else Difference.EXTRA,
        update=-1,
        ordinal=0,
        reference=reference,
        candidate=candidate,
    )
