"""The scenario of kind resume: on each side straight through against a stop in between, then side against side."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from parity.compare.engine import compare
from parity.compare.measurement import Comparison
from parity.compare.resume import beside_contents, with_lost_state
from parity.compare.tolerance import Tolerance
from parity.diagnose.continuation.model import Parts, Resumption
from parity.diagnose.continuation.rules import continue_run
from parity.diagnose.continuation.sides import resume_rules
from parity.diagnose.library import RULES
from parity.diagnose.outcome import Outcome
from parity.diagnose.registry import Rule, diagnose
from parity.findings.judge import judge
from parity.record.processes import Launcher, start_fresh
from parity.run.conclusion import conclude, require_candidate, require_reference
from parity.run.damage import damage_newest
from parity.run.plan import OUT, Progress, Scenario, Side
from parity.run.saved import compare_saved
from parity.run.session import Weighed, look_closer, run_side, weigh

STRAIGHT: Final = "straight"
FIRST: Final = "first"
RESUMED: Final = ""
Weigh = Callable[[str, Comparison], Weighed]
"""What is known about the noise of the comparison of one of the parts."""


def run_resume(scenario: Scenario, base: Path, progress: Progress, launcher: Launcher = start_fresh) -> list[Outcome]:
    """Run all parts on both sides; one outcome for each part, the resumed one last, with how each side resumes."""
    reference = record_parts(scenario, Side.REFERENCE, base, progress, launcher)
    require_reference(reference.straight)
    if scenario.damage is None:
        require_reference(reference.resumed)
    candidate = record_parts(scenario, Side.CANDIDATE, base, progress, launcher)
    for trace in (candidate.straight, candidate.resumed):
        require_candidate(trace)
    progress(scenario, "comparing", None)
    told = {
        STRAIGHT: straight(scenario),
        FIRST: stopped(scenario),
        RESUMED: resumed(scenario, base, Side.REFERENCE, Side.CANDIDATE, Side.RERUN),
    }

    def weighed(part: str, comparison: Comparison) -> Weighed:
        return weigh(told[part], comparison, base, progress, launcher)

    outcomes = conclude_resume(scenario.pair, scenario.name, reference, candidate, weighed, scenario.tolerances)
    earlier = zip(outcomes, (STRAIGHT, FIRST), strict=False)
    return [*(look_closer(one, told[part], base, progress, launcher) for one, part in earlier), outcomes[-1]]


def record_parts(
    scenario: Scenario, side: Side, base: Path, progress: Progress, launcher: Launcher = start_fresh
) -> Parts:
    """Run one side straight through, then up to its stop, then from there."""
    whole = run_side(straight(scenario), side, base, progress, launcher)
    before = run_side(stopped(scenario), side, base, progress, launcher)
    out = base / stopped(scenario).name / side.value / OUT
    damaged = damage_newest(out, scenario.damage) if scenario.damage else ""
    after = run_side(resumed(scenario, base, side), side, base, progress, launcher)
    saved = compare_saved(*(base / name / side.value / OUT for name in (straight(scenario).name, scenario.name)))
    return Parts(straight=whole, first=before, resumed=after, saved=saved, damaged=damaged)


def straight(scenario: Scenario) -> Scenario:
    """The run that is never stopped."""
    return scenario.part(STRAIGHT, scenario.straight_reference, scenario.straight_candidate)


def stopped(scenario: Scenario) -> Scenario:
    """The part up to the stop."""
    commands = scenario.prepare_reference, scenario.prepare_candidate
    return scenario.part(FIRST, *commands, interrupt=scenario.interrupt)


def resumed(scenario: Scenario, base: Path, *sides: Side, origin: Side | None = None) -> Scenario:
    """The part from there on: ``{out}`` begins as what the first part of the same side, or of ``origin``, left."""

    def place(side: Side) -> Path:
        own = Side.CANDIDATE if side is Side.CANDIDATE else Side.REFERENCE
        return base / stopped(scenario).name / (origin or own).value / OUT

    return replace(scenario.part("", None, None), origins={side: place(side) for side in sides})


def unweighed(_part: str, _comparison: Comparison) -> Weighed:
    """Nothing is known about noise."""
    return None, None


def conclude_resume(
    pair: str,
    name: str,
    reference: Parts,
    candidate: Parts,
    weighed: Weigh = unweighed,
    tolerances: Sequence[Tolerance] = (),
) -> list[Outcome]:
    """Judge the straight runs, the stopped ones and the resumed ones; the last outcome tells how each side resumes.

    Noise and tolerances are about the two sides. How one side resumes is judged bit for bit: it is one program.
    """
    resumption = Resumption(reference=continue_run(reference), candidate=continue_run(candidate))
    comparison = beside_contents(compare(reference.resumed, candidate.resumed))
    if resumption.candidate.trains_on:
        comparison = with_lost_state(comparison, reference.saved, candidate.saved)
    rerun, noise = weighed(RESUMED, comparison)
    judgement = judge(comparison, rerun=rerun, noise=noise, tolerances=tolerances)
    rules: tuple[Rule, ...] = (*resume_rules(resumption), *RULES)
    earlier = {
        STRAIGHT: beside_contents(compare(reference.straight, candidate.straight)),
        FIRST: beside_contents(compare(reference.first, candidate.first)),
    }
    return [
        *(conclude(pair, f"{name}-{part}", one, *weighed(part, one), tolerances) for part, one in earlier.items()),
        Outcome(
            pair=pair,
            scenario=name,
            judgement=judgement,
            diagnosis=diagnose(judgement, rules),
            resumption=resumption,
        ),
    ]
