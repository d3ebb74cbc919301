"""The pass in follow mode: both programs once more, in lockstep, the candidate set to the reference at every boundary."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from parity.compare.measurement import Comparison
from parity.record.follow.ring import END
from parity.record.processes import Launcher
from parity.run.plan import Scenario, Side
from parity.run.session import Progress, run_side
from parity.trace.model import Trace

_MEMORY: Final = Path("/dev/shm")
_ROLES: Final = {Side.LEADER: "leader", Side.FOLLOWER: "follower"}


def follow(
    scenario: Scenario, plain: Comparison, base: Path, progress: Progress, launcher: Launcher
) -> tuple[Trace, Trace]:
    """Run both sides of ``scenario`` in lockstep, after the ``plain`` pass; return the traces of both.

    What the follower's trace holds is what each phase of the candidate makes of the reference's values.
    """
    with _ring(base) as ring, ThreadPoolExecutor(max_workers=2) as pool:
        runs = [
            pool.submit(_run, _attached(scenario, side, plain, ring), side, base, progress, launcher, ring)
            for side in _ROLES
        ]
        leader, follower = (run.result() for run in runs)
    return leader, follower


def refusal(scenario: Scenario, plain: Comparison) -> str:
    """Why a scenario cannot be followed; empty where it can."""
    if plain.reference.world > 1 or plain.candidate.world > 1:
        return "programs with more than one rank cannot be followed yet"
    if scenario.recording.level == "scalars":
        return "at level scalars no tensor is looked at: follow at level digest"
    return ""


def _run(scenario: Scenario, side: Side, base: Path, progress: Progress, launcher: Launcher, ring: Path) -> Trace:
    try:
        return run_side(scenario, side, base, progress, launcher)
    finally:
        # However it ended: the other side must not wait for it.
        mark = ring / f"{_ROLES[side]}{END}"
        if not mark.exists():
            mark.write_text(f"the {_ROLES[side]} ended", encoding="utf-8")


def _attached(scenario: Scenario, side: Side, plain: Comparison, ring: Path) -> Scenario:
    own = plain.reference if side is Side.LEADER else plain.candidate
    options = {
        "role": _ROLES[side],
        "directory": str(ring),
        "backwards": backwards(own),
        "names": dict(plain.alignment.parameters),
    }
    attachments = {**scenario.recording.attachments, "follow": options}
    return replace(scenario, recording=replace(scenario.recording, attachments=attachments))


def backwards(trace: Trace) -> Mapping[str, Any]:
    """Backward passes in each update of a trace: the usual number, and the updates that have another one."""
    series = trace.processes[0].get("micro_steps") if trace.processes else None
    counts = dict(zip(series.updates.tolist(), series.values.tolist(), strict=True)) if series is not None else {}
    usual = Counter(counts.values()).most_common(1)[0][0] if counts else 0
    return {"usual": usual, "others": {str(update): n for update, n in counts.items() if n != usual}}


@contextmanager
def _ring(base: Path) -> Iterator[Path]:
    """A directory in memory, where there is such a thing."""
    place = _MEMORY if _MEMORY.is_dir() else base
    directory = Path(tempfile.mkdtemp(prefix="parity-follow-", dir=place)).resolve()
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
