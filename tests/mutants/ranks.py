"""Running the rows about ranks: one data-parallel script once per world, and any number of changed copies of it."""

import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Final

from parity.compare.engine import compare
from parity.diagnose.outcome import Outcome
from parity.record.launch import Recording, record
from parity.record.processes import Launcher
from parity.run.conclusion import conclude, require_reference
from parity.trace.channels import Phase
from parity.trace.model import Trace
from parity.trace.store import read_trace
from tests.mutants.planting import apply
from tests.mutants.rows import Benign, Edit, Mutant

FAMILY: Final = "ranks"
TRAINER: Final = Path(__file__).parents[1] / "scripts" / "worlds" / "trainer.py"
WORLD_2: Final = "world-2"
WORLD_4: Final = "world-4"
ENVIRONMENT: Final = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def ranks_outcome(row: Mutant | Benign, directory: Path, launcher: Launcher) -> Outcome:
    """Plant the row's edits in a copy of the script, run it in the row's world, and compare it with the reference."""
    place = directory / "sources" / row.id
    place.mkdir(parents=True)
    shutil.copy(TRAINER, place)
    for one in row.edits:
        apply(one, place)
    reference = _reference(row.scenario, directory, launcher)
    candidate = _recorded(place / TRAINER.name, row.scenario, directory / "ranks" / row.id, launcher)
    return conclude(FAMILY, row.id, compare(reference, candidate), None)


@cache
def _reference(scenario: str, directory: Path, launcher: Launcher) -> Trace:
    trace = _recorded(TRAINER, scenario, directory / "ranks" / f"reference-{scenario}", launcher)
    require_reference(trace)
    return trace


def _recorded(script: Path, scenario: str, place: Path, launcher: Launcher) -> Trace:
    out = place / "out"
    out.mkdir(parents=True)
    world = int(scenario.removeprefix("world-"))
    recording = Recording(world=world, engine="baton", timeout=60, out=out, environment=ENVIRONMENT)
    words = [sys.executable, str(script), "--out", str(out)]
    record(words, place / "trace", recording, streams=False, launcher=launcher)
    return read_trace(place / "trace")


def edit(old: str, new: str, times: int = 1) -> Edit:
    """A change of the script."""
    return Edit(file=TRAINER.name, old=old, new=new, times=times)


def planted(name: str, cause: str, place: tuple[int, Phase, str], *edits: Edit, scenario: str = WORLD_2) -> Mutant:
    """A row of the script."""
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
    )


def harmless(name: str, *edits: Edit, scenario: str = WORLD_2) -> Benign:
    """A row of the script that must not gate."""
    return Benign(id=name, edits=edits, scenario=scenario, family=FAMILY)
