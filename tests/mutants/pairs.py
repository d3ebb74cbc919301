"""Running any pair of the policy with a changed candidate: the witness once per scenario, any number of candidates."""

import shutil
import sys
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from parity.compare.engine import compare
from parity.diagnose.outcome import Outcome
from parity.policy import read_policy
from parity.record.launch import record
from parity.record.processes import Launcher
from parity.run.plan import Scenario, Side, fill, plan
from parity.run.session import conclude, require_reference
from parity.trace.model import Trace
from parity.trace.store import read_trace
from tests.mutants.rows import Benign, Mutant
from tests.mutants.specimens import ENVIRONMENT, ROOT, apply


@dataclass(frozen=True, kw_only=True)
class PairWorkshop:
    """A directory in which the pair's witness and changed candidates are recorded."""

    pair: str
    directory: Path
    launcher: Launcher

    def outcome(self, row: Mutant | Benign) -> Outcome:
        """Plant the row's edits in a copy of the trainers, record it, and compare it with the witness."""
        sources = self.directory / "sources" / row.id
        shutil.copytree(ROOT / "trainers", sources / "trainers", ignore=shutil.ignore_patterns("__pycache__"))
        for edit in row.edits:
            apply(edit, sources / "trainers")
        candidate = self._record(row.scenario, Side.CANDIDATE, directory=sources, name=row.id)
        reference, again = (_witness(self, row.scenario, side) for side in (Side.REFERENCE, Side.RERUN))
        return conclude(self.pair, row.id, compare(reference, candidate), compare(reference, again))

    def _record(self, scenario: str, side: Side, *, directory: Path, name: str) -> Trace:
        place = self.directory / "runs" / f"{scenario}-{name}"
        out = place / "out"
        out.mkdir(parents=True)
        chosen = _plan(self.pair)[scenario]
        words = fill(chosen.command(side), out=out, shared=_data(self))
        words[0] = sys.executable
        environment = {**chosen.recording.environment, **ENVIRONMENT}
        recording = replace(chosen.recording, out=out, shared=_data(self), environment=environment)
        record(words, place / "trace", recording, directory=directory, streams=False, launcher=self.launcher)
        return read_trace(place / "trace")


@cache
def _plan(pair: str) -> dict[str, Scenario]:
    return {one.name: one for one in plan(read_policy(ROOT / "pyproject.toml"), [pair], full=True)}


@cache
def _witness(workshop: PairWorkshop, scenario: str, side: Side) -> Trace:
    trace = workshop._record(scenario, side, directory=ROOT, name=side)
    require_reference(trace)
    return trace


@cache
def _data(workshop: PairWorkshop) -> Path:
    from trainers.__main__ import main

    place = workshop.directory / "shared"
    assert main(["data", "char-tiny", "--out", str(place / "char-tiny")]) == 0
    return place
