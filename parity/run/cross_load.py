"""The scenario of kind cross-load: each side resumes from its own checkpoint, and from the other side's."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from parity.compare.engine import compare
from parity.compare.measurement import Comparison
from parity.compare.resume import beside_contents
from parity.compare.tolerance import Tolerance
from parity.diagnose.continuation.crossing import crossing_rules
from parity.diagnose.library import RULES
from parity.diagnose.outcome import Outcome
from parity.diagnose.registry import Rule, diagnose
from parity.findings.judge import judge
from parity.record.processes import Launcher, start_fresh
from parity.run.conclusion import conclude, require_reference
from parity.run.plan import Progress, Scenario, Side
from parity.run.resume import FIRST, resumed, stopped
from parity.run.session import Weighed, run_side, weigh

_SIDES: Final = (Side.REFERENCE, Side.CANDIDATE)
_FROM: Final = "-from-"


def run_cross_load(
    scenario: Scenario, base: Path, progress: Progress, launcher: Launcher = start_fresh
) -> list[Outcome]:
    """One outcome for the runs that save, and one for each checkpoint: both sides resume from it, and are compared."""
    first = {side: run_side(stopped(scenario), side, base, progress, launcher) for side in _SIDES}
    comparison = beside_contents(compare(*first.values()))
    weighed = weigh(stopped(scenario), comparison, base, progress, launcher)
    outcomes = [conclude(scenario.pair, f"{scenario.name}-{FIRST}", comparison, *weighed, scenario.tolerances)]
    for origin in _SIDES:
        told = resumed(scenario, base, *_SIDES, Side.RERUN, origin=origin)
        told = replace(told, name=f"{scenario.name}{_FROM}{origin.value}")
        after = {side: run_side(told, side, base, progress, launcher) for side in _SIDES}
        # The owner of a checkpoint has to load it; whether the other one can is the question.
        require_reference(after[origin])
        comparison = beside_contents(compare(after[Side.REFERENCE], after[Side.CANDIDATE]))
        weighed = weigh(told, comparison, base, progress, launcher)
        outcomes.append(conclude_crossing(told.pair, told.name, comparison, weighed, scenario.tolerances))
    return outcomes


def origin_of(name: str) -> Side | None:
    """Whose checkpoint both sides resume from in the part ``name`` of a scenario; None where it is no such part."""
    return next((side for side in _SIDES if name.endswith(f"{_FROM}{side.value}")), None)


def conclude_crossing(
    pair: str, name: str, comparison: Comparison, weighed: Weighed = (None, None), tolerances: Sequence[Tolerance] = ()
) -> Outcome:
    """Judge two runs that both resume from the checkpoint that ``name`` tells the owner of."""
    origin = origin_of(name) or Side.REFERENCE
    rerun, noise = weighed
    judgement = judge(comparison, rerun=rerun, noise=noise, tolerances=tolerances)
    rules: tuple[Rule, ...] = (*crossing_rules(origin.value, comparison.reference, comparison.candidate), *RULES)
    return Outcome(pair=pair, scenario=name, judgement=judgement, diagnosis=diagnose(judgement, rules))
