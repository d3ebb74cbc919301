"""Following changed copies of the trainers: the witness leads, any number of planted candidates follow."""

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from parity.compare.engine import compare
from parity.diagnose.outcome import Outcome
from parity.policy import read_policy
from parity.record.launch import Recording, record
from parity.record.processes import Launcher
from parity.run.conclusion import conclude
from parity.run.follow import followed
from parity.run.plan import Scenario, Side, fill, plan
from parity.trace.model import Trace
from parity.trace.store import read_trace
from tests.mutants.planting import ENVIRONMENT, ROOT, plant
from tests.mutants.rows import SCRATCH, Edit
from tests.mutants.specimens import PairWorkshop

SHORT = ("--max_iters=6", "--eval_interval=3", "--eval_iters=1", "--warmup_iters=3", "--lr_decay_iters=6")


@dataclass
class Lockstep:
    """A directory in which a short version of the pair's scenario is recorded and followed."""

    directory: Path
    launcher: Launcher
    references: dict[tuple[str, ...], Trace] = field(default_factory=dict)

    def outcome(self, name: str, *edits: Edit, options: tuple[str, ...] = (), world: int = 1) -> Outcome:
        """Plant ``edits`` in a copy of the trainers, compare it with the witness, and follow it."""
        sources = plant(name, edits, self.directory)
        recording, condition = Recording(world=world), (*options, str(world))
        if condition not in self.references:
            reference = f"reference-{len(self.references)}"
            self.references[condition] = self._record(reference, Side.REFERENCE, ROOT, options, recording)
        candidate = self._record(name, Side.CANDIDATE, sources, options, recording)
        outcome = conclude("char-gpt", name, compare(self.references[condition], candidate), None)
        scenario = Scenario(pair="char-gpt", name=name, reference="", candidate="", follows=True, recording=recording)

        def run(one: Scenario, side: Side) -> Trace:
            return self._record(one.name, side, ROOT if side is Side.LEADER else sources, options, one.recording)

        return followed(outcome, scenario, None, run)

    def place(self, name: str, side: Side) -> Path:
        """Where one side of one outcome was recorded."""
        return self.directory / "runs" / name / side.value

    def _record(self, name: str, side: Side, sources: Path, options: tuple[str, ...], recording: Recording) -> Trace:
        place = self.place(name, side)
        out = place / "out"
        out.mkdir(parents=True)
        data = PairWorkshop(pair="char-gpt", directory=self.directory).data()
        planned = {one.name: one for one in plan(read_policy(ROOT / "pyproject.toml"), ["char-gpt"], full=True)}
        words = [*fill(planned[SCRATCH].command(side), out=out, shared=data), *SHORT, *options]
        words[0] = sys.executable
        recording = replace(recording, out=out, shared=data, environment=ENVIRONMENT)
        record(words, place / "trace", recording, directory=sources, streams=False, launcher=self.launcher)
        return read_trace(place / "trace")
