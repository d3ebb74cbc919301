"""One side's resumed run beside the run that it goes on with, judged and diagnosed."""

from dataclasses import dataclass

from parity.compare.checkpoint_model import CheckpointDifference
from parity.compare.resume import CONTENTS, Start
from parity.diagnose.registry import Cause, Diagnosis
from parity.findings.model import Judgement
from parity.trace.model import Trace


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The runs of one side: ``straight`` through, ``first`` up to a stop, ``resumed`` from there.

    ``saved`` holds the differences between what the straight and the resumed run saved last, None where they saved
    nothing in files of the same name; ``damaged`` names the checkpoint that was spoiled in between.
    """

    straight: Trace
    first: Trace
    resumed: Trace
    saved: tuple[CheckpointDifference, ...] | None = None
    damaged: str = ""


@dataclass(frozen=True, kw_only=True)
class Continuation:
    """Whether one side resumes as if it had never stopped. ``judgement`` compares its straight with its resumed run."""

    parts: Parts
    start: Start
    judgement: Judgement
    diagnosis: Diagnosis

    @property
    def is_exact(self) -> bool:
        """Whether the resumed run makes the same updates as the straight one, and at least one of them."""
        made = max((one.updates for one in self.parts.resumed.processes), default=0)
        return not self.judgement.gating and bool(made) and not self.parts.resumed.exit_status

    @property
    def trains_on(self) -> bool:
        """Whether at most what its checkpoints hold tells the resumed run from the straight one."""
        alike = all(one.channel.name in CONTENTS for one in self.judgement.gating)
        return alike and not self.parts.resumed.exit_status

    @property
    def causes(self) -> dict[str, Cause]:
        """Causes by their id."""
        return {cause.id: cause for cause in self.diagnosis.causes}


@dataclass(frozen=True, kw_only=True)
class Resumption:
    """How both sides resume."""

    reference: Continuation
    candidate: Continuation
