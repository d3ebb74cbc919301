"""Why a program cannot go on from the other side's checkpoint."""

from typing import Final

from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import START, VALUE, explained, measurements
from parity.diagnose.registry import Cause, Declaration, Declared, Rule
from parity.trace.model import Trace

_UNREADABLE: Final = Declaration(
    id="checkpoint-of-other-side-unreadable",
    what="One side fails when it resumes from the other side's checkpoint.",
    needs=("exit_status",),
    predicts="everything",
    advice="Compare keys, prefixes and types of both checkpoints: parity checkpoint A B.",
)
_MISREAD: Final = Declaration(
    id="checkpoint-of-other-side-misread",
    what="Both sides resume from one checkpoint, and begin with other weights, buffers or optimizer state.",
    needs=("parameter_initial",),
    predicts="what the resumed runs begin with, and every number from there on",
    advice="Load with strict=True, and compare how names are mapped on both sides.",
)
DECLARATIONS: Final = (_UNREADABLE, _MISREAD)


def crossing_rules(owner: str, reference: Trace, candidate: Trace) -> tuple[Rule, ...]:
    """Rules for two runs that both resume from the checkpoint of ``owner``, reference or candidate."""
    guest, trace = ("candidate", candidate) if owner == "reference" else ("reference", reference)

    def unreadable(case: Case) -> Cause | None:
        if not trace.exit_status:
            return None
        words = str(trace.manifest.get("last_error_line") or "it said nothing on its error stream")
        return Cause(
            id="checkpoint-of-other-side-unreadable",
            title=f"The {guest} cannot resume from the {owner}'s checkpoint",
            explains=tuple(finding.id for finding in case.judgement.gating),
            evidence=(evidence.both("exit status", reference.exit_status, candidate.exit_status), words),
            consequence="A training that is under way cannot change over from one program to the other.",
        )

    def misread(case: Case) -> Cause | None:
        found = measurements(case, "parameter_initial", "buffer_initial", "optimizer_state_initial")
        if not found or trace.exit_status:
            return None
        names = list(dict.fromkeys(one.name for one in found))
        values = sum(one.difference in VALUE for one in found)
        return Cause(
            id="checkpoint-of-other-side-misread",
            title=f"The {guest} takes something else from the {owner}'s checkpoint than the {owner} does",
            explains=explained(
                case, lambda one: one.channel.name in {each.channel.name for each in found}, since=START
            ),
            evidence=(
                f"{len(names)} tensors begin otherwise, {values} of them with other values: {evidence.listing(names)}",
            ),
            consequence="A training that changes over goes on from another state, and nothing says so.",
        )

    return Declared(unreadable, (_UNREADABLE,)), Declared(misread, (_MISREAD,))
