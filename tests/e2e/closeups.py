"""Planting defects in the small GPT and looking at them closely; each program is recorded once for each focus."""

import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from parity.compare.engine import compare
from parity.diagnose.outcome import Outcome
from parity.record.launch import Recording, record
from parity.record.processes import Launcher
from parity.run.conclusion import conclude
from parity.run.plan import Scenario, Side
from parity.run.zoom import zoom_in
from parity.trace.model import Trace
from parity.trace.store import read_trace
from tests.e2e.programs import SCRIPTS

Edits = tuple[tuple[str, str], ...]
SMALL_GPT = SCRIPTS / "small_gpt.py"


def edited(edits: Edits) -> str:
    """The small GPT's source with ``edits``; a text that is not there is an error."""
    text = SMALL_GPT.read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text, f"the small GPT holds no {old!r}"
        text = text.replace(old, new)
    return text


@dataclass
class Bench:
    """A directory for programs and traces."""

    directory: Path
    launcher: Launcher
    recorded: dict[tuple[object, ...], Trace] = field(default_factory=dict)

    def outcome(self, edits: Edits, base: Edits = ()) -> Outcome:
        """The outcome of comparing the small GPT, itself with the edits of ``base``, with an edited copy."""
        plain = Recording(updates=5, sketch="off")
        sides = self._trace(base, plain), self._trace(edits, plain)
        scenario = Scenario(pair="small-gpt", name="scratch", reference="", candidate="", recording=plain)

        def run_side(again: Scenario, side: Side) -> Trace:
            return self._trace(edits if side is Side.CANDIDATE else base, again.recording)

        return zoom_in(conclude("small-gpt", "scratch", compare(*sides), None), scenario, run_side)

    def _trace(self, edits: Edits, recording: Recording) -> Trace:
        focus = recording.attachments.get("zoom", {})
        key = (edits, recording.updates, *focus.items())
        if key not in self.recorded:
            place = self.directory / f"run{len(self.recorded)}"
            place.mkdir()
            shutil.copy(SCRIPTS / "finals.py", place)
            script = place / "small_gpt.py"
            script.write_text(edited(edits), encoding="utf-8")
            status = record(
                [sys.executable, str(script)], place / "trace", recording, streams=False, launcher=self.launcher
            )
            assert status == 0, (place / "trace" / "stderr.txt").read_text(encoding="utf-8")
            self.recorded[key] = read_trace(place / "trace")
        return self.recorded[key]
