"""The pass in follow mode: both programs again, in lockstep, the candidate set to the reference at every boundary."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from parity.compare.measurement import Comparison
from parity.compare.tolerance import Tolerance
from parity.diagnose.following import diagnose_followed
from parity.diagnose.library import MECHANISMS
from parity.diagnose.library.localisation import first_phase
from parity.diagnose.outcome import Outcome
from parity.findings.following import Followed, judge_followed
from parity.findings.model import Judgement
from parity.record.follow.ring import END
from parity.run.plan import TRACE, Scenario, Side
from parity.trace.model import Trace
from parity.trace.store import read_trace

_MEMORY: Final = Path("/dev/shm")
_ROLES: Final = {Side.LEADER: "leader", Side.FOLLOWER: "follower"}

Run = Callable[[Scenario, Side], Trace]


def followed(outcome: Outcome, scenario: Scenario, rerun: Comparison | None, run: Run) -> Outcome:
    """Follow a scenario whose plain pass led to ``outcome``; return it with findings that are independent.

    Where following shows nothing although the plain pass does, or cannot be done, the findings stay those of before.
    """
    plain = outcome.judgement
    if plain is None:
        return outcome
    reason = refusal(scenario, plain.comparison)
    if reason:
        return replace(outcome, followed=Followed(plain=plain, refusal=reason))
    leader, follower = lockstep(scenario, plain.comparison, run)
    return _concluded(outcome, plain, (leader, follower), rerun, scenario.tolerances)


def forget(place: Path) -> None:
    """Remove what an earlier session followed in ``place``: this one may not follow, and its traces are others."""
    for side in _ROLES:
        shutil.rmtree(place / side.value, ignore_errors=True)


def stored_follow(outcome: Outcome, place: Path, rerun: Comparison | None, tolerances: Sequence[Tolerance]) -> Outcome:
    """The same of a scenario that an earlier session followed in ``place``; ``outcome`` where it did not."""
    traces = [place / side.value / TRACE for side in _ROLES]
    if outcome.judgement is None or not all(trace.is_dir() for trace in traces):
        return outcome
    leader, follower = (read_trace(trace) for trace in traces)
    return _concluded(outcome, outcome.judgement, (leader, follower), rerun, tolerances)


def _concluded(
    outcome: Outcome,
    plain: Judgement,
    traces: tuple[Trace, Trace],
    rerun: Comparison | None,
    tolerances: Sequence[Tolerance],
) -> Outcome:
    reason = _failure(*traces)
    if reason:
        return replace(outcome, followed=Followed(plain=plain, refusal=reason))
    judgement, result = judge_followed(*traces, plain, rerun, tolerances)
    if plain.gating and not judgement.gating:
        return replace(outcome, followed=result)
    diagnosis = diagnose_followed(judgement, MECHANISMS, first_phase, outcome.zoom)
    return replace(outcome, judgement=judgement, diagnosis=diagnosis, followed=result)


def refusal(scenario: Scenario, plain: Comparison) -> str:
    """Why a scenario cannot be followed; empty where it can."""
    if plain.reference.world > 1 or plain.candidate.world > 1:
        return "programs with more than one rank cannot be followed yet"
    if scenario.recording.level == "scalars":
        return "at level scalars no tensor is looked at: follow at level digest"
    return ""


def lockstep(scenario: Scenario, plain: Comparison, run: Run) -> tuple[Trace, Trace]:
    """Run both sides of ``scenario`` at the same time, after the ``plain`` pass; return the traces of both.

    What the follower's trace holds is what each phase of the candidate makes of the reference's values.
    """

    def ran(side: Side, ring: Path) -> Trace:
        try:
            return run(_attached(scenario, side, plain, ring), side)
        finally:
            # However it ended: the other side must not wait for it.
            mark = ring / f"{_ROLES[side]}{END}"
            if not mark.exists():
                mark.write_text(f"the {_ROLES[side]} ended", encoding="utf-8")

    with _ring() as ring, ThreadPoolExecutor(max_workers=len(_ROLES)) as pool:
        runs = [pool.submit(ran, side, ring) for side in _ROLES]
        leader, follower = (one.result() for one in runs)
    return leader, follower


def backwards(trace: Trace) -> Mapping[str, Any]:
    """Backward passes in each update of a trace: the usual number, and the updates that have another one."""
    series = trace.processes[0].get("micro_steps") if trace.processes else None
    counts = dict(zip(series.updates.tolist(), series.values.tolist(), strict=True)) if series is not None else {}
    usual = Counter(counts.values()).most_common(1)[0][0] if counts else 0
    return {"usual": usual, "others": {str(update): n for update, n in counts.items() if n != usual}}


def _attached(scenario: Scenario, side: Side, plain: Comparison, ring: Path) -> Scenario:
    options = {
        "role": _ROLES[side],
        "directory": str(ring),
        "backwards": backwards(plain.reference if side is Side.LEADER else plain.candidate),
        "names": dict(plain.alignment.parameters),
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


def _failure(leader: Trace, follower: Trace) -> str:
    """Why the two traces tell nothing; empty where they do."""
    if leader.exit_status != 0:
        return f"the reference ended with status {leader.exit_status} while it was followed"
    if not leader.processes or not follower.processes:
        return "nothing was recorded while the candidate followed"
    for side, trace in (("reference", leader), ("candidate", follower)):
        for note in trace.processes[0].notes:
            if note.get("probe") == "follow":
                return f"following was switched off on the {side}: {note['error']}"
    return ""
