"""Both sides at the same time, watched while they run and stopped at the first divergence."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from parity.compare.engine import compare
from parity.diagnose.outcome import Outcome
from parity.errors import ParityError
from parity.findings.judge import judge
from parity.record.processes import Launcher, start_fresh
from parity.record.stop import STOP
from parity.run.conclusion import conclude, require_candidate, require_reference
from parity.run.plan import TRACE, Progress, Scenario, Side
from parity.run.session import look_closer, run_side
from parity.run.truncation import in_common
from parity.trace.model import Trace
from parity.trace.store import read_trace
from parity.trace.tail import Tail

_FIRST_PAUSE_SECONDS: Final = 0.5
_PAUSE_PER_CHECK: Final = 3.0
_LEAD: Final = 2


def run_until_divergence(
    scenario: Scenario, base: Path, progress: Progress, launcher: Launcher = start_fresh
) -> Outcome:
    """Run both sides of ``scenario`` together; stop both once a finding gates, and judge what they have in common.

    What one side did after the other was stopped is not compared. Without a divergence, both run to their end.
    """
    watch = _Watch(scenario, base)
    try:
        with ThreadPoolExecutor(max_workers=2) as pool:
            sides = {side: pool.submit(run_side, scenario, side, base, progress, launcher) for side in watch.traces}
            watch.until_done(list(sides.values()))
            reference, candidate = (sides[side].result() for side in watch.traces)
        require_reference(reference)
        require_candidate(candidate)
    except ParityError as error:
        return Outcome(pair=scenario.pair, scenario=scenario.name, error=error)
    if watch.stopped:
        reference, candidate = in_common(reference, candidate)
    comparison = compare(reference, candidate)
    outcome = conclude(scenario.pair, scenario.name, comparison, None, tolerances=scenario.tolerances)
    return look_closer(outcome, scenario, base, progress, launcher)


class _Watch:
    """Compares two growing traces again and again, less often the longer it takes."""

    def __init__(self, scenario: Scenario, base: Path) -> None:
        place = base / scenario.name
        self.traces = {side: place / side.value / TRACE for side in (Side.REFERENCE, Side.CANDIDATE)}
        self.stopped = False
        self._tolerances = scenario.tolerances
        self._over = threading.Event()

    def until_done(self, runs: list["Future[Trace]"]) -> None:
        """Watch until both programs have ended; a program that fails ends the other one too."""
        pause = _FIRST_PAUSE_SECONDS
        while not all(run.done() for run in runs):
            time.sleep(pause)
            if self.stopped:
                continue
            if any(run.done() and (run.exception() or run.result().exit_status) for run in runs):
                self._stop()
            else:
                pause = max(_FIRST_PAUSE_SECONDS, _PAUSE_PER_CHECK * _seconds(self._check))

    def _check(self) -> None:
        try:
            reference, candidate = in_common(*(read_trace(trace) for trace in self.traces.values()))
        except ParityError:
            return  # one side has not begun to write
        if reference.processes and candidate.processes:
            comparison = compare(reference, candidate)
            if judge(comparison, tolerances=self._tolerances).gating:
                self._stop()

    def _stop(self) -> None:
        """Ask both programs to end at an update that none of their ranks has begun."""
        self.stopped = True
        for trace in self.traces.values():
            limit = Tail(trace).refresh().update + _LEAD
            partial = trace / f"{STOP}.partial"
            partial.write_text(str(limit), encoding="ascii")
            partial.rename(trace / STOP)


def _seconds(action: Callable[[], None]) -> float:
    begin = time.monotonic()
    action()
    return time.monotonic() - begin
