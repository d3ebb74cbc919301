"""From how each side resumes to why the two resume differently."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from parity.compare.measurement import Difference
from parity.diagnose.case import Case
from parity.diagnose.continuation.model import Continuation, Resumption
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import START, explained
from parity.diagnose.registry import Cause, Declaration, Declared, Rule
from parity.trace.channels import Carries

# Outlasted by what a resumed run did; they say nothing about it.
_MOST: Final = 4
_ENDS = frozenset({"exit_status", "exception", "updates"})

_ELSEWHERE: Final = Declaration(
    id="resume-from-elsewhere",
    what="The two sides stop after the same update, and resume at different ones.",
    needs=("checkpoint_file", "lr"),
    predicts="everything",
    advice="Compare when checkpoints are written, which one is chosen, and what becomes of the last one.",
)
_RESTORES: Final = Declaration(
    id="resume-restores-more",
    what="The reference loses something at a stop that the candidate restores.",
    needs=("parameter_initial", "optimizer_state_initial", "rng", "lr"),
    predicts="what the reference's own loss explains",
    advice="Accept the difference, or correct the reference.",
)
_SAVED: Final = Declaration(
    id="resume-saves-other-state",
    what="The candidate resumes and trains as if it had never stopped, and then saves other state than a run that did "
    "not.",
    needs=("checkpoint_value",),
    predicts="what its last checkpoint holds, beside that of its own straight run",
    advice="Restore this part of the checkpoint too, or save it from where it is kept up to date.",
)
DECLARATIONS: Final = (_ELSEWHERE, _RESTORES, _SAVED)


def resume_rules(resumption: Resumption) -> tuple[Rule, ...]:
    """Rules about the comparison of both resumed runs: what only one side loses explains how they differ."""
    ours, theirs = resumption.reference, resumption.candidate
    lost = [_lost(cause, ours, theirs) for name, cause in theirs.causes.items() if name not in ours.causes]
    kept = [_kept(cause, ours) for cause in ours.causes.values() if _is_restored(cause, ours, theirs)]
    return _elsewhere(resumption), *lost, *kept, Declared(_saves_other_state, (_SAVED,))


def shared(resumption: Resumption) -> tuple[Cause, ...]:
    """What both sides lose in the same way: a property of both, which does not count against parity."""
    return tuple(cause for name, cause in resumption.reference.causes.items() if name in resumption.candidate.causes)


def _elsewhere(resumption: Resumption) -> Rule:
    ours, theirs = resumption.reference, resumption.candidate

    def rule(case: Case) -> Cause | None:
        if ours.start.update == theirs.start.update or theirs.parts.resumed.exit_status:
            return None
        further = theirs.start.update > ours.start.update
        return Cause(
            id="resume-from-elsewhere",
            title=f"The candidate resumes {'later' if further else 'earlier'} than the reference",
            explains=tuple(finding.id for finding in case.judgement.gating),
            evidence=(
                evidence.both("the resumed run begins with update", ours.start.update, theirs.start.update),
                f"known by {ours.start.by} in the reference, by {theirs.start.by} in the candidate",
            ),
            consequence="Another number of updates is lost at every stop, or counted twice.",
        )

    return Declared(rule, (_ELSEWHERE,))


def _saves_other_state(case: Case) -> Cause | None:
    """Contents of checkpoints are not compared between the sides here: these are of the candidate's own two runs."""
    found = case.findings("checkpoint_value")
    if not found:
        return None
    keys = [one.name for finding in found for one in finding.measurements]
    shown = [f"{one.name}: {one.reference} straight, {one.candidate} resumed" for one in found[0].measurements[:_MOST]]
    more = f", and {len(keys) - 1} more" if len(keys) > 1 else ""
    return Cause(
        id=_SAVED.id,
        title=f"The candidate's resumed run saves another {keys[0].partition('::')[2]}{more}",
        explains=tuple(finding.id for finding in found),
        evidence=tuple(shown),
        consequence="Nothing shows it before the next stop: from there on, another training is continued.",
    )


def _lost(cause: Cause, ours: Continuation, theirs: Continuation) -> Rule:
    def rule(case: Case) -> Cause | None:
        found = replace(cause, explains=tuple(_reached(case, cause, theirs)))
        says = "which resumes exactly" if ours.is_exact else "which does not have this"
        line = f"measured between the candidate's own straight and resumed run, unlike in the reference, {says}"
        return replace(found, evidence=(*found.evidence, line))

    return rule


def _kept(cause: Cause, ours: Continuation) -> Rule:
    title = f"The candidate restores what the reference loses: {cause.title[0].lower()}{cause.title[1:]}"

    def rule(case: Case) -> Cause | None:
        return replace(
            cause,
            id=_RESTORES.id,
            title=title,
            explains=tuple(_reached(case, cause, ours)),
            consequence="The candidate resumes better than the reference, and therefore differently.",
            advice=_RESTORES.advice,
        )

    return rule


def _is_restored(cause: Cause, ours: Continuation, theirs: Continuation) -> bool:
    """Whether nothing that the reference loses by ``cause`` is lost in the candidate, for whatever reason."""
    lost = [one.channel for one in ours.judgement.gating if one.id in cause.explains]
    own = {one.name for one in lost if one.carries is not Carries.VALUES} or {one.name for one in lost}
    return bool(_updates(theirs)) and not own & {one.channel.name for one in theirs.judgement.gating}


def _updates(side: Continuation) -> int:
    return max((one.updates for one in side.parts.resumed.processes), default=0)


def _reached(case: Case, cause: Cause, side: Continuation) -> Iterator[str]:
    """Findings between the sides in the channels that the cause explains on its own side, and what follows."""
    known = {finding.id: finding.channel.name for finding in side.judgement.gating}
    channels = {known[identifier] for identifier in cause.explains if identifier in known}
    is_cut = bool(side.parts.resumed.exit_status) or not _updates(side)
    if is_cut:
        channels |= _ENDS
    begun = [one.first for one in case.judgement.gating if one.channel.name in channels]
    since = min((one.moment for one in begun), default=START)
    if begun:
        yield from explained(
            case,
            lambda one: one.channel.name in channels or (is_cut and one.difference is not Difference.VALUE),
            since=since,
        )
