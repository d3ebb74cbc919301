"""Running the rows of small scripts: the reference once, any number of changed copies as candidates."""

import shutil
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from parity.compare.engine import compare
from parity.diagnose.outcome import Outcome
from parity.record.launch import Recording
from parity.record.processes import Launcher
from parity.run.conclusion import conclude
from parity.run.plan import Scenario, Side
from parity.run.session import run_side
from parity.run.zoom import zoom_in
from parity.trace.model import Trace
from tests.mutants.planting import ENVIRONMENT, ROOT, apply
from tests.mutants.rows import Benign, Mutant

SCRIPTS: Final[Mapping[str, Path]] = {"tagger": ROOT / "tests" / "scripts" / "tagger.py"}
_RECORDING: Final = Recording(environment=ENVIRONMENT)


def script_outcome(row: Mutant | Benign, directory: Path, launcher: Launcher) -> Outcome:
    """Plant the row's edits in a copy of the family's script, record it, and compare it with the script itself."""
    script = SCRIPTS[row.family]
    place = directory / "sources" / row.id
    place.mkdir(parents=True)
    shutil.copy(script, place / script.name)
    for edit in row.edits:
        apply(edit, place)
    scenario = _scenario(row.family, place / script.name)
    base = directory / "scripts" / row.id

    def run(again: Scenario, side: Side) -> Trace:
        return run_side(again, side, base, _silent, launcher)

    reference = _reference(row.family, directory, launcher)
    outcome = conclude(row.family, row.id, compare(reference, run(scenario, Side.CANDIDATE)), None)
    return zoom_in(outcome, scenario, run)


def _scenario(family: str, candidate: Path) -> Scenario:
    reference, other = (f"{sys.executable} {script} --out {{out}}" for script in (SCRIPTS[family], candidate))
    return Scenario(pair=family, name="scratch", reference=reference, candidate=other, recording=_RECORDING)


@cache
def _reference(family: str, directory: Path, launcher: Launcher) -> Trace:
    scenario = _scenario(family, SCRIPTS[family])
    return run_side(scenario, Side.REFERENCE, directory / "scripts" / f"reference-{family}", _silent, launcher)


def _silent(*_: object) -> None:
    pass
