"""Running the rows that stop and go on: the reference once per scenario, any number of changed candidates.

Family ``resumable`` is one script, of which a candidate is a changed copy; family ``char-gpt`` is the pair of the
policy, its candidate started from a changed copy of the trainers.
"""

import shutil
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from parity.compare.engine import compare
from parity.diagnose.continuation.model import Parts
from parity.diagnose.outcome import Outcome
from parity.policy import PairPolicy, Policy, ScenarioPolicy, read_policy
from parity.record.processes import Launcher
from parity.run.conclusion import conclude
from parity.run.cross_load import run_cross_load
from parity.run.plan import Scenario, Side, fill, plan
from parity.run.resume import conclude_resume, record_parts
from parity.run.session import SHARED, run_side
from parity.trace.channels import Phase
from parity.trace.model import Trace
from tests.mutants.rows import VARIANTS, Benign, Edit, Mutant

ROOT: Final = Path(__file__).parents[2]
RESUMABLE: Final = ROOT / "tests" / "scripts" / "resumable.py"
ENVIRONMENT: Final = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
START: Final = "import runpy\nrunpy.run_module('trainers', run_name='__main__', alter_sys=True)\n"

_GO_ON: Final = {"prepare": "--steps 5", "arguments": "--steps 9 --resume"}
FAMILY: Final = "resumable"
RESUME: Final = "resume-5"
SIGTERM: Final = "resume-sigterm"
KILLED: Final = "resume-killed"
DAMAGED: Final = "resume-damaged"
INTERRUPT: Final = "interrupt"
CROSS: Final = "cross-load"
_POLICY: Final = Policy(
    pairs=(
        PairPolicy(
            name=FAMILY,
            reference=f"{sys.executable} {RESUMABLE} --out {{out}}",
            candidate=f"{sys.executable} {{place}}/resumable.py --out {{out}}",
            environment=ENVIRONMENT,
            scenarios=(
                ScenarioPolicy(name=RESUME, kind="resume", straight="--steps 9", **_GO_ON),
                ScenarioPolicy(
                    name=SIGTERM,
                    kind="resume",
                    straight="--steps 9",
                    prepare="--steps 9",
                    interrupt={"signal": "SIGTERM", "update": 4, "micro_step": 0},
                    arguments="--steps 9 --resume",
                ),
                ScenarioPolicy(
                    name=KILLED,
                    kind="resume",
                    straight="--steps 9",
                    prepare="--steps 9",
                    interrupt={"signal": "SIGKILL", "update": 4, "micro_step": 0},
                    arguments="--steps 9 --resume",
                ),
                ScenarioPolicy(name=DAMAGED, kind="resume", straight="--steps 9", damage="truncate", **_GO_ON),
                ScenarioPolicy(
                    name=INTERRUPT,
                    kind="interrupt",
                    interrupt={"signal": "SIGTERM", "update": 4},
                    arguments="--steps 9",
                ),
                ScenarioPolicy(name=CROSS, kind="cross-load", **_GO_ON),
            ),
        ),
    )
)


def is_resuming(row: Mutant | Benign) -> bool:
    """Whether the row's scenario is one of those that are made of several runs."""
    return row.family == FAMILY or (
        row.scenario not in VARIANTS and _is_made_of_several(_scenario(row.family, row.scenario))
    )


def _is_made_of_several(scenario: Scenario) -> bool:
    return scenario.kind != "train" or scenario.prepare_reference is not None


def resuming_outcome(row: Mutant | Benign, directory: Path, launcher: Launcher) -> Outcome:
    """Plant the row's edits and run its scenario; the outcome that it names, for a benign variant the worst one."""
    outcomes = resuming_outcomes(row, directory, launcher)
    if isinstance(row, Benign):
        return max(outcomes, key=lambda one: one.exit_code)
    wanted = f"{row.scenario}-{row.part}" if row.part else row.scenario
    return next(one for one in outcomes if one.scenario == wanted)


def resuming_outcomes(row: Mutant | Benign, directory: Path, launcher: Launcher) -> list[Outcome]:
    """All outcomes of the row's scenario."""
    place = _plant(row, directory)
    scenario = _scenario(row.family, row.scenario)
    scenario = replace(scenario, **{name: _candidate(getattr(scenario, name), place) for name in _COMMANDS})
    base = directory / "resuming" / row.id
    _data(row.family, base, directory)
    if scenario.kind == "cross-load":
        return run_cross_load(scenario, base, _silent, launcher)
    reference = _reference(row.family, row.scenario, directory, launcher)
    if isinstance(reference, Parts):
        candidate = record_parts(scenario, Side.CANDIDATE, base, _silent, launcher)
        return conclude_resume(scenario.pair, scenario.name, reference, candidate)
    comparison = compare(reference, run_side(_told(scenario), Side.CANDIDATE, base, _silent, launcher))
    return [conclude(scenario.pair, scenario.name, comparison, None)]


_COMMANDS: Final = ("candidate", "prepare_candidate", "straight_candidate")


@cache
def _scenario(family: str, name: str) -> Scenario:
    policy = _POLICY if family == FAMILY else read_policy(ROOT / "pyproject.toml")
    found = {one.name: one for one in plan(policy, [family], full=True)}
    scenario = found.get(name) or found["scratch"]
    recording = replace(scenario.recording, environment=ENVIRONMENT)
    reference = scenario.reference.replace("python legacy", f"{sys.executable} {ROOT}/legacy")
    prepare, straight = (
        None if one is None else one.replace("python legacy", f"{sys.executable} {ROOT}/legacy")
        for one in (scenario.prepare_reference, scenario.straight_reference)
    )
    return replace(
        scenario,
        reference=reference,
        prepare_reference=prepare,
        straight_reference=straight,
        recording=recording,
        reruns=False,
    )


@cache
def _reference(family: str, name: str, directory: Path, launcher: Launcher) -> Parts | Trace:
    scenario = _scenario(family, name)
    base = directory / "resuming" / f"reference-{family}"
    _data(family, base, directory)
    if scenario.kind == "resume":
        return record_parts(scenario, Side.REFERENCE, base, _silent, launcher)
    return run_side(_told(scenario), Side.REFERENCE, base, _silent, launcher)


def _told(scenario: Scenario) -> Scenario:
    """The one run of a scenario, sent a signal where it is of kind interrupt."""
    if scenario.kind == "train":
        return scenario
    return scenario.part("", None, None, interrupt=scenario.interrupt)


def _candidate(command: str | None, place: Path) -> str | None:
    if command is None:
        return None
    return command.replace("python -m trainers", f"{sys.executable} {place}/start.py").replace("{place}", str(place))


def _plant(row: Mutant | Benign, directory: Path) -> Path:
    from tests.mutants.planting import apply

    place = directory / "sources" / row.id
    if row.family == FAMILY:
        place.mkdir(parents=True)
        shutil.copy(RESUMABLE, place / "resumable.py")
        root = place
    else:
        root = place / "trainers"
        shutil.copytree(ROOT / "trainers", root, ignore=shutil.ignore_patterns("__pycache__"))
        (place / "start.py").write_text(START, encoding="utf-8")
    for edit in row.edits:
        apply(edit, root)
    return place


def _data(family: str, base: Path, directory: Path) -> None:
    """What both sides read, in the place where a pair has it."""
    from trainers.__main__ import main

    base.mkdir(parents=True, exist_ok=True)
    shared = base / SHARED
    if family != FAMILY and not shared.exists():
        made = directory / "resuming" / f"data-{family}"
        if not made.exists():
            for command in next(iter(plan(read_policy(ROOT / "pyproject.toml"), [family], full=True))).setup:
                _python, _m, _trainers, *arguments = fill(command, out=made, shared=made)
                assert main(arguments) == 0
        shared.symlink_to(made.resolve())
    shared.mkdir(exist_ok=True)


def _silent(*_: object) -> None:
    pass


def edit(old: str, new: str, times: int = 1) -> Edit:
    """A change of the resumable script."""
    return Edit(file="resumable.py", old=old, new=new, times=times)


def planted(
    name: str, cause: str, place: tuple[int, Phase, str], *edits: Edit, scenario: str = RESUME, part: str = ""
) -> Mutant:
    """A row of the resumable script."""
    update, phase, channel = place
    return Mutant(
        id=name,
        edits=edits,
        update=update,
        phase=phase,
        channel=channel,
        cause=cause,
        scenario=scenario,
        family=FAMILY,
        part=part,
    )
