"""What following a candidate tells: a verdict on every phase, and findings none of which follows from another."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from parity.compare.engine import compare
from parity.compare.excuses import Notes
from parity.compare.following import PhaseVerdict, separate
from parity.compare.measurement import Comparison
from parity.compare.modules import ModuleVerdict
from parity.compare.tolerance import Tolerance
from parity.compare.zoom_model import Zoom
from parity.findings.judge import judge
from parity.findings.model import Judgement, Verdict
from parity.trace.model import Trace


@dataclass(frozen=True, kw_only=True)
class Followed:
    """The pass in follow mode.

    ``plain`` is the judgement of the pass before, in which consequences and causes are mixed. ``writes`` counts the
    values that were taken over, by what they are; ``refusal`` says why nothing was followed, or is empty. ``modules``
    are those of the first forward that differs by itself; ``closeups`` are of phases that do beside the first.
    """

    plain: Judgement
    phases: tuple[PhaseVerdict, ...] = ()
    writes: Mapping[str, int] = field(default_factory=dict)
    refusal: str = ""
    modules: tuple[ModuleVerdict, ...] = ()
    closeups: tuple[Zoom, ...] = ()

    @property
    def written(self) -> int:
        """Number of values that were taken over. None at all is a verdict too."""
        return sum(self.writes.values())


def judge_followed(
    reference: Trace,
    candidate: Trace,
    plain: Judgement,
    rerun: Comparison | None,
    tolerances: Sequence[Tolerance] = (),
) -> tuple[Judgement, Followed]:
    """Judge the traces of a leader and its follower; ``plain`` and ``rerun`` are those of the pass before."""
    separation = separate(reference, candidate)
    comparison = compare(separation.reference, separation.candidate)
    comparison = replace(comparison, not_compared=(*comparison.not_compared, *separation.not_compared))
    judgement = judge(comparison, rerun=rerun, tolerances=tolerances)
    counting = {
        (one.channel.name, name)
        for finding in judgement.gating
        for one in finding.measurements
        for name in (one.name, one.candidate_name)
    }
    writes: Counter[str] = Counter()
    for process in candidate.processes:
        writes.update(Notes(process).writes)
    return judgement, Followed(plain=plain, phases=separation.phases(counting), writes=dict(sorted(writes.items())))


def word_of(phase: PhaseVerdict) -> Verdict | None:
    """The verdict on one phase; None where nothing of it was seen."""
    if phase.different:
        return Verdict.DIFFERENT
    if phase.not_compared:
        return Verdict.NOT_COMPARED
    return Verdict.IDENTICAL if phase.judged else None
