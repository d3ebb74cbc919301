"""What each run betrays by itself, whatever the other one does."""

from collections.abc import Sequence
from typing import Final

from parity.diagnose.outcome import Outcome
from parity.invariants.lint import Betrayal
from parity.invariants.model import Result, State
from parity.report.document import Block, Bullets, Code, Paragraph, Section, Strong, Text
from parity.report.wording import capitalised, count, listed, sentence

_SIDES: Final = {"reference": "reference only", "candidate": "candidate only", "both": "both sides"}
_MOST_SCENARIOS: Final = 8


def betrayals(outcomes: Sequence[Outcome]) -> Section:
    """One subsection per invariant that a side violates; then what could not be checked."""
    heading: Text = ("What each run betrays by itself",)
    checked = [outcome for outcome in outcomes if outcome.invariants is not None]
    if not checked:
        return Section(heading, (Paragraph(("Not known: no scenario led to a comparison.",)),))
    found: dict[tuple[str, str, bool], list[tuple[str, Betrayal]]] = {}
    for outcome in checked:
        assert outcome.invariants is not None
        for one in outcome.invariants.betrayals:
            key = one.candidate.invariant.id, one.sides, one.gates
            found.setdefault(key, []).append((outcome.scenario, one))
    lead = (
        "What must hold in any run was checked on both sides. A violation by the candidate alone counts against "
        "parity, unless it rests on the wording of what is printed; what the reference does too may be meant."
    )
    closing = Paragraph((_unchecked(checked),))
    if not found:
        return Section(heading, (Paragraph((lead, " Nothing that could be checked is violated.")), closing))
    sections = tuple(_section(sightings, len(checked)) for sightings in found.values())
    return Section(heading, (Paragraph((lead,)), closing), sections)


def _section(sightings: Sequence[tuple[str, Betrayal]], scenarios: int) -> Section:
    scenario, one = sightings[0]
    invariant = one.candidate.invariant
    counts = "This counts against parity." if one.gates else "This does not count against parity."
    where: Text = ()
    if scenarios > 1:
        where = (
            " Seen in ",
            *listed([name for name, _ in sightings], _MOST_SCENARIOS),
            "; shown of ",
            Code(scenario),
            ".",
        )
    items = tuple(item for side in ("reference", "candidate") for item in _evidence(side, getattr(one, side)))
    blocks: tuple[Block, ...] = (
        Paragraph((Strong((f"{capitalised(_SIDES[one.sides])}.",)), f" {counts}", *where)),
        Bullets(items),
        Paragraph((f"{sentence(invariant.consequence)} {sentence(invariant.advice)}",)),
    )
    return Section((invariant.broken, " (", Code(invariant.id), ")"), blocks)


def _evidence(side: str, result: Result) -> tuple[Text, ...]:
    if result.state is State.VIOLATED:
        return tuple((f"{capitalised(side)}: ", Code(line)) for line in result.evidence)
    if result.state is State.NOT_COMPARED:
        return ((f"{capitalised(side)}: not compared, because ", sentence("; ".join(result.reasons))),)
    return ((f"{capitalised(side)}: it holds.",),)


def _unchecked(outcomes: Sequence[Outcome]) -> str:
    """How many invariants hold on both sides, and which could be checked in no scenario."""
    pairs = [
        pair
        for outcome in outcomes
        if outcome.invariants is not None
        for pair in zip(outcome.invariants.reference, outcome.invariants.candidate, strict=True)
    ]
    held = {ours.invariant.id for ours, theirs in pairs if State.HOLDS in (ours.state, theirs.state)}
    violated = {ours.invariant.id for ours, theirs in pairs if State.VIOLATED in (ours.state, theirs.state)}
    unknown = [ours.invariant.id for ours, _ in pairs if ours.invariant.id not in held | violated]
    names = ", ".join(dict.fromkeys(unknown))
    return f"{count(len(held - violated), 'invariant')} hold; not compared: {names or 'none'}."
