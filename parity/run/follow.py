"""The pass in follow mode: both programs again, in lockstep, the candidate set to the reference at every boundary."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from parity.compare.measurement import Comparison
from parity.compare.tolerance import Tolerance
from parity.diagnose.following import Look, diagnose_followed
from parity.diagnose.library import MECHANISMS
from parity.diagnose.library.localisation import first_phase
from parity.diagnose.outcome import Outcome
from parity.findings.following import Followed, judge_followed
from parity.findings.model import Judgement
from parity.run.inside import INSIDE, Again, Inside, look_inside
from parity.run.lockstep import ROLES, Run, lockstep
from parity.run.plan import Scenario
from parity.run.stored_lockstep import stored_lockstep
from parity.run.zoom import Focus
from parity.trace.model import Trace


def followed(outcome: Outcome, scenario: Scenario, rerun: Comparison | None, run: Run) -> Outcome:
    """Follow a scenario whose plain pass led to ``outcome``; return it with findings that are independent.

    Where following shows nothing although the plain pass does, or cannot be done, the findings stay those of before.
    """
    plain = outcome.judgement
    if plain is None:
        return outcome
    reason = refusal(scenario, plain.comparison)
    if reason:
        return replace(outcome, followed=Followed(plain=plain, refusal=reason))
    comparison = plain.comparison

    def again(name: str, focus: Focus, options: Mapping[str, object]) -> tuple[Trace, Trace]:
        recording, whole = focus.recording(scenario.recording), scenario.within or scenario.name
        closer = replace(scenario, name=f"{scenario.name}/{name}", within=whole, recording=recording)
        return lockstep(closer, comparison, run, **options)

    traces = lockstep(scenario, comparison, run)
    return _concluded(outcome, plain, traces, rerun, scenario.tolerances, again if scenario.zooms else None)


def forget(place: Path) -> None:
    """Remove what an earlier session followed in ``place``: this one may not follow, and its traces are others."""
    for name in (*(side.value for side in ROLES), *INSIDE):
        shutil.rmtree(place / name, ignore_errors=True)


def stored_follow(outcome: Outcome, place: Path, rerun: Comparison | None, tolerances: Sequence[Tolerance]) -> Outcome:
    """The same of a scenario that an earlier session followed in ``place``; ``outcome`` where it did not."""
    traces = stored_lockstep(place)
    if outcome.judgement is None or traces is None:
        return outcome
    return _concluded(
        outcome, outcome.judgement, traces, rerun, tolerances, lambda name, *_: stored_lockstep(place / name)
    )


def _concluded(
    outcome: Outcome,
    plain: Judgement,
    traces: tuple[Trace, Trace],
    rerun: Comparison | None,
    tolerances: Sequence[Tolerance],
    again: Again | None,
) -> Outcome:
    reason = _failure(*traces)
    if reason:
        return replace(outcome, followed=Followed(plain=plain, refusal=reason))
    judgement, result = judge_followed(*traces, plain, rerun, tolerances)
    if plain.gating and not judgement.gating:
        return replace(outcome, followed=result)
    inside = look_inside(judgement, plain, outcome.zoom, again) if again is not None else Inside(closeups={})
    looks: list[Look] = list(inside.closeups.items())
    if not looks and outcome.zoom is not None:
        looks = [(None, outcome.zoom)]
    taken = tuple(zoom for _, zoom in looks)
    return replace(
        outcome,
        judgement=judgement,
        diagnosis=diagnose_followed(judgement, MECHANISMS, first_phase, looks),
        zoom=taken[0] if taken else None,
        followed=replace(result, modules=inside.modules, closeups=taken[1:]),
    )


def refusal(scenario: Scenario, plain: Comparison) -> str:
    """Why a scenario cannot be followed; empty where it can."""
    if plain.reference.world != plain.candidate.world:
        return f"{plain.candidate.world} ranks cannot follow {plain.reference.world}"
    if scenario.recording.level == "scalars":
        return "at level scalars no tensor is looked at: follow at level digest"
    return plain.blind


def _failure(leader: Trace, follower: Trace) -> str:
    """Why the two traces tell nothing; empty where they do."""
    if leader.exit_status != 0:
        return f"the reference ended with status {leader.exit_status} while it was followed"
    if not leader.processes or not follower.processes:
        return "nothing was recorded while the candidate followed"
    for side, trace in (("reference", leader), ("candidate", follower)):
        for note in (note for process in trace.processes for note in process.notes):
            if note.get("probe") == "follow":
                return f"following was switched off on the {side}: {note['error']}"
    return ""
