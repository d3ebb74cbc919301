"""Both programs at the same time, the candidate following the reference through a directory that they share."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from parity.compare.measurement import Comparison
from parity.record.follow.ring import END
from parity.run.plan import Scenario, Side
from parity.trace.model import Trace

_MEMORY: Final = Path("/dev/shm")
ROLES: Final = {Side.LEADER: "leader", Side.FOLLOWER: "follower"}

Run = Callable[[Scenario, Side], Trace]


def lockstep(scenario: Scenario, plain: Comparison, run: Run, **further: Any) -> tuple[Trace, Trace]:
    """Run both sides of ``scenario`` at the same time, after the ``plain`` pass; return the traces of both.

    What the follower's trace holds is what each phase of the candidate makes of the reference's values. ``further``
    options say what else is done at one of the updates.
    """

    def ran(side: Side, ring: Path) -> Trace:
        try:
            return run(_attached(scenario, side, plain, ring, further), side)
        finally:
            # However it ended: the other side must not wait for it.
            mark = ring / f"{ROLES[side]}{END}"
            if not mark.exists():
                mark.write_text(f"the {ROLES[side]} ended", encoding="utf-8")

    with _ring() as ring, ThreadPoolExecutor(max_workers=len(ROLES)) as pool:
        runs = [pool.submit(ran, side, ring) for side in ROLES]
        leader, follower = (one.result() for one in runs)
    return leader, follower


def backwards(trace: Trace) -> Mapping[str, Any]:
    """Backward passes in each update of a trace: the usual number, and the updates that have another one."""
    series = trace.processes[0].get("micro_steps") if trace.processes else None
    counts = dict(zip(series.updates.tolist(), series.values.tolist(), strict=True)) if series is not None else {}
    usual = Counter(counts.values()).most_common(1)[0][0] if counts else 0
    return {"usual": usual, "others": {str(update): n for update, n in counts.items() if n != usual}}


def _attached(scenario: Scenario, side: Side, plain: Comparison, ring: Path, further: Mapping[str, Any]) -> Scenario:
    options = {
        "role": ROLES[side],
        "directory": str(ring),
        "backwards": backwards(plain.reference if side is Side.LEADER else plain.candidate),
        "names": dict(plain.alignment.parameters),
        **further,
    }
    attachments = {**scenario.recording.attachments, "follow": options}
    return replace(scenario, recording=replace(scenario.recording, attachments=attachments))


@contextmanager
def _ring() -> Iterator[Path]:
    """A directory in memory, where there is such a thing."""
    directory = Path(tempfile.mkdtemp(prefix="parity-follow-", dir=_MEMORY if _MEMORY.is_dir() else None)).resolve()
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
