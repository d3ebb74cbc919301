"""One scenario of a pair, run, judged and diagnosed: what reports and the gate are made from."""

from dataclasses import dataclass

from parity.compare.zoom_model import Zoom
from parity.diagnose.continuation.model import Resumption
from parity.diagnose.registry import Diagnosis
from parity.errors import CANNOT_COMPARE, PARITY, VIOLATED, ParityError
from parity.findings.following import Followed
from parity.findings.model import Judgement, Verdict
from parity.findings.ruling import Ruling
from parity.invariants.lint import BothSides


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Result of one scenario: either a judgement with its diagnosis, or the error that prevented one.

    ``zoom`` is a close-up of the first divergence, where one was taken; ``invariants`` hold what each side betrays by
    itself, where that was checked; ``ruling`` what rules and waivers made of it, where they were asked.
    """

    pair: str
    scenario: str
    judgement: Judgement | None = None
    diagnosis: Diagnosis | None = None
    resumption: Resumption | None = None
    error: ParityError | None = None
    zoom: Zoom | None = None
    followed: Followed | None = None
    invariants: BothSides | None = None
    ruling: Ruling | None = None

    @property
    def exit_code(self) -> int:
        """Exit code that this outcome alone deserves."""
        if self.error is not None:
            return self.error.exit_code
        if self.betrayed or (self.ruling is not None and self.ruling.gating):
            return VIOLATED
        if self.judgement is None or self.judgement.verdict is Verdict.NOT_COMPARED:
            return CANNOT_COMPARE
        return VIOLATED if self.judgement.gating else PARITY

    @property
    def closeups(self) -> tuple[Zoom, ...]:
        """The close-up of the first divergence, and those of phases that differ beside it."""
        further = () if self.followed is None else self.followed.closeups
        return further if self.zoom is None else (self.zoom, *further)

    @property
    def betrayed(self) -> bool:
        """Whether the candidate alone violates what must hold in any run."""
        return self.invariants is not None and self.invariants.gates
