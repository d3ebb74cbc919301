"""Running the family's pair outside the policy: the witness once per scenario, any number of changed candidates."""

import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from parity.compare.engine import compare
from parity.diagnose.outcome import Outcome
from parity.policy import read_policy
from parity.record.launch import Recording, record
from parity.record.processes import Launcher, start_fresh
from parity.run.plan import Scenario, Side, fill, plan
from parity.run.session import conclude, require_reference
from parity.run.zoom import Focus, zoom_in
from parity.trace.model import Trace
from parity.trace.store import read_trace
from tests.mutants.resuming import is_resuming, resuming_outcome
from tests.mutants.rows import CONSTANT, SCRATCH, Benign, Edit, Mutant
from tests.mutants.scripts import SCRIPTS, script_outcome

ROOT = Path(__file__).parents[2]
PLAIN = Recording()
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """A directory in which references are recorded once, and mutants are made and recorded, started by ``launcher``."""

    directory: Path
    launcher: Launcher = start_fresh

    def outcome(self, row: Mutant | Benign) -> Outcome:
        """Plant the row's edits in a copy of the trainers, record it, and compare it with the witness."""
        if row.family in SCRIPTS:
            return script_outcome(row, self.directory, self.launcher)
        if is_resuming(row):
            return resuming_outcome(row, self.directory, self.launcher)
        sources = plant(row.id, row.edits, self.directory)
        candidate = self._record(row.scenario, f"mutant-{row.id}", directory=sources)
        reference = self.reference(row.scenario)
        again = self._again(row.scenario)
        outcome = conclude("char-gpt", row.id, compare(reference, candidate), compare(reference, again))
        scenario = Scenario(pair="char-gpt", name=row.scenario, reference="", candidate="")

        def run_side(closer: Scenario, side: Side) -> Trace:
            if side is Side.REFERENCE:
                return _once(self, row.scenario, "reference", *_focus(closer.recording))
            return self._record(row.scenario, f"mutant-{row.id}-zoom", directory=sources, recording=closer.recording)

        return zoom_in(outcome, scenario, run_side)

    def reference(self, scenario: str) -> Trace:
        """The witness's trace in ``scenario``."""
        return _once(self, scenario, "reference")

    def _again(self, scenario: str) -> Trace:
        return _once(self, scenario, "reference-rerun")

    def _record(
        self, scenario: str, name: str, *, directory: Path, recording: Recording = PLAIN, suffix: str = ""
    ) -> Trace:
        place = self.directory / "runs" / f"{scenario}-{name}{suffix}"
        out = place / "out"
        out.mkdir(parents=True)
        planned = {one.name: one for one in plan(read_policy(ROOT / "pyproject.toml"), ["char-gpt"], full=True)}
        chosen = planned[SCRATCH if scenario == CONSTANT else scenario]
        command = chosen.reference if name.startswith("reference") else chosen.candidate
        words = fill(command, out=out, shared=self.data())
        words[0] = sys.executable
        if scenario == CONSTANT:
            words.append("--decay_lr=False")
        recording = replace(
            recording, world=chosen.recording.world, out=out, shared=self.data(), environment=ENVIRONMENT
        )
        record(words, place / "trace", recording, directory=directory, streams=False, launcher=self.launcher)
        return read_trace(place / "trace")

    def data(self) -> Path:
        """The token files that all runs read."""
        return _data(self)


@cache
def _once(workshop: Workshop, scenario: str, name: str, update: int = -1, micro_step: int | None = None) -> Trace:
    """The witness's trace; with a close-up of ``update`` where one is named."""
    recording = PLAIN if update < 0 else Focus(update=update, micro_step=micro_step, rank=0).recording(PLAIN)
    trace = workshop._record(
        scenario,
        name,
        directory=ROOT,
        recording=recording,
        suffix="" if update < 0 else f"-zoom-{update}-{micro_step}",
    )
    require_reference(trace)
    return trace


def _focus(recording: Recording) -> tuple[int, int | None]:
    options = recording.attachments["zoom"]
    return options["update"], options["micro_step"]


@cache
def _data(workshop: Workshop) -> Path:
    from trainers.__main__ import main

    place = workshop.directory / "data"
    assert main(["data", "char-tiny", "--out", str(place)]) == 0
    return place


def plant(name: str, edits: Iterable[Edit], directory: Path) -> Path:
    """Copy the trainers into a place under ``directory`` and change them there; return the place."""
    place = directory / "sources" / name
    shutil.copytree(ROOT / "trainers", place / "trainers", ignore=shutil.ignore_patterns("__pycache__"))
    for edit in edits:
        apply(edit, place / "trainers")
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
