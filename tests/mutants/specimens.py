"""Running the family's pair outside the policy: the witness once per scenario, any number of changed candidates."""

import shutil
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from parity.compare.engine import compare
from parity.diagnose.outcome import Outcome
from parity.policy import read_policy
from parity.record.launch import Recording, record
from parity.record.processes import Launcher, start_fresh
from parity.run.plan import Scenario, fill, plan
from parity.run.session import conclude, require_reference
from parity.trace.model import Trace
from parity.trace.store import read_trace
from tests.mutants.catalogue import CONSTANT, SCRATCH, Benign, Edit, Mutant

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """A directory in which references are recorded once, and mutants are made and recorded, started by ``launcher``."""

    directory: Path
    launcher: Launcher = start_fresh
    pair: str = "char-gpt"

    def outcome(self, row: Mutant | Benign) -> Outcome:
        """Plant the row's edits in a copy of the trainers, record it, and compare it with the witness."""
        sources = self._plant(row)
        candidate = self._record(row.scenario, f"mutant-{row.id}", directory=sources)
        reference = self.reference(row.scenario)
        again = self._again(row.scenario)
        comparison = compare(reference, candidate)
        return conclude(self.pair, row.id, comparison, compare(reference, again))

    def reference(self, scenario: str) -> Trace:
        """The witness's trace in ``scenario``."""
        return _once(self, scenario, "reference")

    def _again(self, scenario: str) -> Trace:
        return _once(self, scenario, "reference-rerun")

    def _plant(self, row: Mutant | Benign) -> Path:
        place = self.directory / "sources" / row.id
        shutil.copytree(ROOT / "trainers", place / "trainers", ignore=shutil.ignore_patterns("__pycache__"))
        for edit in row.edits:
            apply(edit, place / "trainers")
        return place

    def _record(self, scenario: str, name: str, *, directory: Path) -> Trace:
        place = self.directory / "runs" / f"{scenario}-{name}"
        out = place / "out"
        out.mkdir(parents=True)
        chosen = self.scenarios()[SCRATCH if scenario == CONSTANT else scenario]
        command = chosen.reference if name.startswith("reference") else chosen.candidate
        words = fill(command, out=out, shared=self.data())
        words[0] = sys.executable
        if scenario == CONSTANT:
            words.append("--decay_lr=False")
        seen = {"out": out, "shared": self.data(), "environment": ENVIRONMENT}
        recording = Recording(world=chosen.recording.world, seed=chosen.recording.seed, **seen)
        record(words, place / "trace", recording, directory=directory, streams=False, launcher=self.launcher)
        return read_trace(place / "trace")

    def scenarios(self) -> dict[str, Scenario]:
        """The scenarios of the pair by name."""
        return {one.name: one for one in plan(read_policy(ROOT / "pyproject.toml"), [self.pair], full=True)}

    def data(self) -> Path:
        """The files that all runs read."""
        return _data(self)


@cache
def _once(workshop: Workshop, scenario: str, name: str) -> Trace:
    trace = workshop._record(scenario, name, directory=ROOT)
    require_reference(trace)
    return trace


@cache
def _data(workshop: Workshop) -> Path:
    from trainers.__main__ import main

    place = workshop.directory / "data"
    for command in next(iter(workshop.scenarios().values())).setup:
        _python, _m, _trainers, *arguments = fill(command, out=place, shared=place)
        assert main(arguments) == 0
    return place


def apply(edit: Edit, trainers: Path) -> None:
    """Change one file, or move it where the row says ``old path -> new path``."""
    source, arrow, target = edit.file.partition(" -> ")
    if arrow:
        (trainers / source).rename(trainers / target)
        return
    path = trainers / edit.file
    text = path.read_text(encoding="utf-8")
    found = text.count(edit.old)
    assert found == edit.times, f"{edit.file} holds {edit.old!r} {found} times, the catalogue says {edit.times}"
    path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
