"""Whether the contents of both sides were digested alike: digests of different algorithms say nothing of each other."""

from typing import Final

from parity.trace.device_digests import BLOCK_SUMS
from parity.trace.model import Trace

PLACE: Final = "digests"
"""What the contents that could not be compared are called, among what was not compared of a trace."""


def digests_apart(reference: Trace, candidate: Trace) -> str:
    """Why no content can be compared, with the way out; empty where it can."""
    ours, theirs = (_algorithms(trace) for trace in (reference, candidate))
    if not ours or not theirs or ours == theirs:
        return ""
    on_devices = [any(BLOCK_SUMS in one for one in used) for used in (ours, theirs)]
    way_out = (
        "install the package xxhash in both interpreters, or in neither, and run again"
        if on_devices[0] == on_devices[1]
        else "only one of them used CUDA; run both on the same kind of device"
    )
    return (
        f"the reference's tensors were digested with {_listed(ours)}, the candidate's with {_listed(theirs)}: {way_out}"
    )


def _algorithms(trace: Trace) -> frozenset[str]:
    """The algorithms of the processes that hold any digest."""
    return frozenset(
        str(process.header.get("digest"))
        for process in trace.processes
        if any(series.values.dtype == "uint64" for series in process.series.values())
    )


def _listed(algorithms: frozenset[str]) -> str:
    return " and ".join(sorted(algorithms))
