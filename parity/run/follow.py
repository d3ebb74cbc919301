"""The pass in follow mode: both programs again, in lockstep, the candidate set to the reference at every boundary."""

from dataclasses import replace

from parity.compare.measurement import Comparison
from parity.diagnose.following import diagnose_followed
from parity.diagnose.library import MECHANISMS
from parity.diagnose.library.localisation import first_phase
from parity.diagnose.outcome import Outcome
from parity.findings.following import Followed, judge_followed
from parity.run.inside import look_inside
from parity.run.lockstep import Run, lockstep
from parity.run.plan import Scenario
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
    leader, follower = lockstep(scenario, plain.comparison, run)
    reason = _failure(leader, follower)
    if reason:
        return replace(outcome, followed=Followed(plain=plain, refusal=reason))
    judgement, result = judge_followed(leader, follower, plain, rerun)
    if plain.gating and not judgement.gating:
        return replace(outcome, followed=result)
    zoom, modules = look_inside(judgement, outcome, scenario, run)
    diagnosis = diagnose_followed(judgement, MECHANISMS, first_phase, zoom)
    return replace(
        outcome, judgement=judgement, diagnosis=diagnosis, zoom=zoom, followed=replace(result, modules=modules)
    )


def refusal(scenario: Scenario, plain: Comparison) -> str:
    """Why a scenario cannot be followed; empty where it can."""
    if plain.reference.world != plain.candidate.world:
        return f"{plain.candidate.world} ranks cannot follow {plain.reference.world}"
    if scenario.recording.level == "scalars":
        return "at level scalars no tensor is looked at: follow at level digest"
    return ""


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
