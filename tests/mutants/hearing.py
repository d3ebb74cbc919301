"""What the instrument says of an outcome, in the words of the catalogue."""

from dataclasses import dataclass

from parity.diagnose.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class Heard:
    """Where it points first, and the cause that it names; both empty where it says nothing."""

    place: tuple[object, ...] = ()
    cause: str = ""


def hear(outcome: Outcome) -> Heard:
    """The first divergence and its cause; where both runs agree, what the candidate betrays by itself."""
    judgement, diagnosis = outcome.judgement, outcome.diagnosis
    first = judgement.first_divergence if judgement is not None else None
    if first is not None:
        place = first.update, first.phase, first.channel.name
        causes = diagnosis.causes if diagnosis is not None else ()
        named = causes[0].id if causes and causes[0].explains else ""
        return Heard(place=place, cause=named)
    betrayals = [one for one in outcome.invariants.betrayals if one.gates] if outcome.invariants is not None else []
    if not betrayals:
        return Heard()
    found = betrayals[0].candidate
    earliest = min(found.violations, key=lambda one: one.update)
    place = earliest.update, earliest.channel.phase, earliest.channel.name
    return Heard(place=place, cause=found.invariant.id)
