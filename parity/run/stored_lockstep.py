"""What two programs in lockstep left behind in an earlier session."""

from pathlib import Path

from parity.run.lockstep import ROLES
from parity.run.plan import TRACE
from parity.trace.model import Trace
from parity.trace.store import read_trace


def stored_lockstep(place: Path) -> tuple[Trace, Trace] | None:
    """The traces of leader and follower in the directory of a scenario; None where they are not both there."""
    leader, follower = (place / side.value / TRACE for side in ROLES)
    return (read_trace(leader), read_trace(follower)) if leader.is_dir() and follower.is_dir() else None
