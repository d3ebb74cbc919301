"""How each side resumes, in words: the same ones for the report, the terminal and machines."""

from collections.abc import Iterator

from parity.diagnose.continuation.model import Continuation, Resumption
from parity.diagnose.continuation.sides import shared
from parity.diagnose.outcome import Outcome
from parity.diagnose.registry import documented
from parity.findings.model import Finding
from parity.report.document import plain
from parity.report.wording import count, moment, sentence, values


def side_line(side: Continuation) -> str:
    """One side's verdict in a sentence."""
    begins = f"begins with update {side.start.update} (known by its {side.start.by})"
    if side.parts.resumed.exit_status and not side.parts.straight.exit_status:
        return f"does not resume: it ends with status {side.parts.resumed.exit_status}"
    if side.is_exact:
        return f"{begins}; identical to the straight run from there on"
    first = side.judgement.first_divergence
    return f"{begins}; {difference(first)}" if first is not None else f"{begins}; it makes no update"


def difference(finding: Finding) -> str:
    """Where the resumed run first leaves the straight one."""
    ours, theirs = (plain(text) for text in values(finding.first))
    where = moment(finding.update, finding.phase)
    return f"differs from the straight run first in {finding.channel.title}, {where}: {ours} / {theirs}"


def saved_line(side: Continuation) -> str:
    """What the last checkpoints of the straight and of the resumed run have in common."""
    found = side.parts.saved
    if found is None:
        return "their last checkpoints could not be compared"
    if not found:
        return "their last checkpoints are identical key by key, the configuration left aside"
    sections = sorted({one.section.value for one in found})
    return f"their last checkpoints differ in {count(len(found), 'key')}: {', '.join(sections)}"


def common_line(resumption: Resumption) -> str:
    """What both sides lose, as the property of both that it is; empty where they lose nothing in common."""
    found = shared(resumption)
    if not found:
        return ""
    titles = "; ".join(cause.title for cause in found)
    return f"A property of both sides, which does not count against parity. {sentence(titles)}"


def lines(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """Label and text of everything that the terminal says about a resume."""
    resumption = outcome.resumption
    if resumption is None:
        return
    yield "resume, reference", side_line(resumption.reference)
    yield "resume, candidate", side_line(resumption.candidate)
    yield "shared defect", common_line(resumption)


def resumption_json(resumption: Resumption) -> dict[str, object]:
    """Everything about the resume that machines may want to know."""
    return {
        "reference": _side(resumption.reference),
        "candidate": _side(resumption.candidate),
        "shared": [cause.id for cause in shared(resumption)],
    }


def _side(side: Continuation) -> dict[str, object]:
    first = side.judgement.first_divergence
    return {
        "begins_with_update": side.start.update,
        "known_by": side.start.by,
        "exact": side.is_exact,
        "damaged": side.parts.damaged or None,
        "exit_status": side.parts.resumed.exit_status,
        "first_difference": None
        if first is None
        else {"update": first.update, "phase": first.phase.name.lower(), "channel": first.channel.name},
        "differing": [one.channel.name for one in side.judgement.gating],
        "causes": [
            {"id": one.id, "title": one.title, "evidence": list(one.evidence), "docs": documented(one.id)}
            for one in side.diagnosis.causes
        ],
        "saved_differences": None if side.parts.saved is None else len(side.parts.saved),
    }
