"""Running pairs outside the policy: the witness once per scenario, any number of changed candidates."""

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from parity.compare.engine import compare
from parity.diagnose.outcome import Outcome
from parity.policy import read_policy
from parity.record.launch import Recording, record
from parity.record.processes import Launcher, start_fresh
from parity.run.conclusion import conclude, require_reference
from parity.run.plan import Scenario, Side, fill, plan
from parity.run.zoom import Focus, zoom_in
from parity.trace.model import Trace
from parity.trace.store import read_trace
from tests.mutants.planting import ENVIRONMENT, ROOT, plant
from tests.mutants.ranks import FAMILY as RANKS
from tests.mutants.ranks import ranks_outcome
from tests.mutants.resuming import is_resuming, resuming_outcome
from tests.mutants.rows import VARIANTS, Benign, Mutant, Variant
from tests.mutants.scripts import SCRIPTS, script_outcome


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """A directory in which references are recorded once, and mutants are made and recorded, started by ``launcher``."""

    directory: Path
    launcher: Launcher = start_fresh

    def outcome(self, row: Mutant | Benign) -> Outcome:
        """Plant the row's edits, record the candidate that it makes, and compare it with the witness of its family."""
        if row.family == RANKS:
            return ranks_outcome(row, self.directory, self.launcher)
        if row.family in SCRIPTS:
            return script_outcome(row, self.directory, self.launcher)
        if is_resuming(row):
            return resuming_outcome(row, self.directory, self.launcher)
        return PairWorkshop(pair=row.family, directory=self.directory / row.family, launcher=self.launcher).outcome(row)


@dataclass(frozen=True, kw_only=True)
class PairWorkshop:
    """The part of a workshop for one pair of the policy."""

    pair: str
    directory: Path
    launcher: Launcher = start_fresh

    def outcome(self, row: Mutant | Benign) -> Outcome:
        """Plant the row's edits in a copy of the trainers, record it, and compare it with the witness."""
        sources = plant(row.id, row.edits, self.directory)
        candidate = self._record(row.scenario, f"mutant-{row.id}", directory=sources)
        reference, again = (_once(self, row.scenario, name) for name in ("reference", "reference-rerun"))
        outcome = conclude(self.pair, row.id, compare(reference, candidate), compare(reference, again))
        scenario = Scenario(pair=self.pair, name=row.scenario, reference="", candidate="")

        def run_side(closer: Scenario, side: Side) -> Trace:
            if side is Side.REFERENCE:
                return _once(self, row.scenario, "reference", *_focus(closer.recording))
            name = f"mutant-{row.id}-zoom"
            return self._record(row.scenario, name, directory=sources, closer=closer.recording)

        return zoom_in(outcome, scenario, run_side)

    def _record(self, scenario: str, name: str, *, directory: Path, closer: Recording | None = None) -> Trace:
        """Record one run; ``closer`` brings what a close-up adds to the recording of the scenario."""
        place = self.directory / "runs" / f"{scenario}-{name}"
        out = place / "out"
        out.mkdir(parents=True)
        variant = VARIANTS.get(scenario, Variant(scenario=scenario))
        chosen = self.scenarios()[variant.scenario]
        is_reference = name.startswith("reference")
        words = fill(chosen.reference if is_reference else chosen.candidate, out=out, shared=self.data())
        words = [word for word in words if word.partition("=")[0] not in variant.without]
        more = (*variant.arguments, *(() if is_reference else variant.candidate_arguments))
        words = [sys.executable, *words[1:], *(word.replace("{shared}", str(self.data())) for word in more)]
        if variant.made_by:
            _make(self, variant.made_by)
        recording = chosen.recording
        if closer is not None:
            attachments = {**recording.attachments, **closer.attachments}
            recording = replace(recording, updates=closer.updates, sketch="off", attachments=attachments)
        environment = {**recording.environment, **ENVIRONMENT, **variant.environment}
        if variant.starts_in_out:
            environment["PYTHONPATH"] = str(directory)
            words[1:2] = [str(directory / word) if word.endswith(".py") else word for word in words[1:2]]
            directory = out
        recording = replace(recording, out=out, shared=self.data(), environment=environment)
        record(words, place / "trace", recording, directory=directory, streams=False, launcher=self.launcher)
        return read_trace(place / "trace")

    def scenarios(self) -> dict[str, Scenario]:
        """The scenarios of the pair by name."""
        return {one.name: one for one in plan(read_policy(ROOT / "pyproject.toml"), [self.pair], full=True)}

    def data(self) -> Path:
        """The files that all runs read."""
        return _data(self)


@cache
def _once(workshop: PairWorkshop, scenario: str, name: str, update: int = -1, micro_step: int | None = None) -> Trace:
    """The witness's trace; with a close-up of ``update`` where one is named."""
    if update < 0:
        trace = workshop._record(scenario, name, directory=ROOT)
    else:
        closer = Focus(update=update, micro_step=micro_step, rank=0).recording(Recording())
        trace = workshop._record(scenario, f"{name}-zoom-{update}-{micro_step}", directory=ROOT, closer=closer)
    require_reference(trace)
    return trace


def _focus(recording: Recording) -> tuple[int, int | None]:
    options = recording.attachments["zoom"]
    return options["update"], options["micro_step"]


@cache
def _data(workshop: PairWorkshop) -> Path:
    from trainers.__main__ import main

    place = workshop.directory / "data"
    for command in next(iter(workshop.scenarios().values())).setup:
        _python, _m, _trainers, *arguments = fill(command, out=place, shared=place)
        assert main(arguments) == 0
    return place


@cache
def _make(workshop: PairWorkshop, command: str) -> None:
    """Run what makes one more file to read, in a process of its own: it trains, and draws random numbers."""
    place = workshop.data()
    words = [sys.executable, *fill(command, out=place, shared=place)[1:]]
    subprocess.run(words, cwd=ROOT, env={**os.environ, **ENVIRONMENT}, check=True, stdout=subprocess.DEVNULL)
