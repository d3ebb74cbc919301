"""Several scenarios at once: each in a thread that waits for its programs, which are processes."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from parity.diagnose.outcome import Outcome
from parity.record.processes import Launcher
from parity.run.kinds import run_kind
from parity.run.plan import Progress, Scenario


def run_at_once(
    scenarios: Sequence[Scenario], base: Path, progress: Progress, launcher: Launcher, *, jobs: int
) -> list[Outcome]:
    """Run ``scenarios`` under ``base``, at most ``jobs`` at a time; their outcomes are in their order.

    An interrupt is passed on to all programs that run, and what has not begun does not begin.
    """
    if jobs == 1:
        return [outcome for scenario in scenarios for outcome in run_kind(scenario, base, progress, launcher)]
    interrupted = threading.Event()
    speaking = threading.Lock()

    def told(scenario: Scenario, stage: str, trace: Path | None) -> None:
        # Interrupts reach the main thread alone. The others ask while they wait.
        if interrupted.is_set():
            raise KeyboardInterrupt
        with speaking:
            progress(scenario, stage, trace)

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        running = [pool.submit(run_kind, scenario, base, told, launcher) for scenario in scenarios]
        try:
            return [outcome for one in running for outcome in one.result()]
        except BaseException:
            interrupted.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
