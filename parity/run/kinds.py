"""Which runs a scenario is made of, by its kind."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from parity.diagnose.outcome import Outcome
from parity.errors import ParityError
from parity.record.processes import Launcher, start_fresh
from parity.run.cross_load import run_cross_load
from parity.run.interrupt import run_interrupt
from parity.run.plan import Progress, Scenario
from parity.run.resume import run_resume
from parity.run.session import run_scenario

_Runner = Callable[[Scenario, Path, Progress, Launcher], list[Outcome]]
_KINDS: Final[dict[str, _Runner]] = {
    "resume": run_resume,
    "cross-load": run_cross_load,
    "interrupt": run_interrupt,
}


def run_kind(scenario: Scenario, base: Path, progress: Progress, launcher: Launcher = start_fresh) -> list[Outcome]:
    """Run ``scenario`` as its kind says; an explained error becomes its only outcome."""
    runner = _KINDS.get(scenario.kind)
    if runner is None:
        return [run_scenario(scenario, base, progress, launcher)]
    try:
        return runner(scenario, base, progress, launcher)
    except ParityError as error:
        return [Outcome(pair=scenario.pair, scenario=scenario.name, error=error)]
