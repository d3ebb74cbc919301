"""Whether each side resumes as if it had never stopped, and what both lose in common."""

from collections.abc import Sequence

from parity.diagnose.continuation.model import Continuation, Resumption
from parity.diagnose.outcome import Outcome
from parity.report.document import Block, Bullets, Paragraph, Section, Strong, Table, Text
from parity.report.resumption import common_line, saved_line, side_line
from parity.report.wording import capitalised, quoted, sentence


def resumptions(outcomes: Sequence[Outcome]) -> Section | None:
    """One section with a part for each scenario of kind resume; None where there is none."""
    found = [(outcome.scenario, outcome.resumption) for outcome in outcomes if outcome.resumption is not None]
    if not found:
        return None
    lead = (
        "Each side is compared with itself: straight through against stopped and resumed, weights, buffers, "
        "optimizer state, schedule, scaler, data and random numbers included."
    )
    sections = tuple(Section(("Scenario ", *quoted(name)), _blocks(resumption)) for name, resumption in found)
    return Section(("Resuming",), (Paragraph((lead,)),), sections)


def _blocks(resumption: Resumption) -> tuple[Block, ...]:
    sides = ("Reference", resumption.reference), ("Candidate", resumption.candidate)
    rows = tuple(((name,), *_row(side)) for name, side in sides)
    blocks: list[Block] = [Table((("Side",), ("Resumed run",), ("Saved at the end",)), rows)]
    common = common_line(resumption)
    if common:
        blocks.append(Paragraph((Strong((common,)),)))
    for name, side in sides:
        for cause in side.diagnosis.causes:
            blocks.append(Paragraph((Strong((f"{name}: {sentence(cause.title)}",)), f" {sentence(cause.consequence)}")))
            blocks.append(Bullets(tuple((line,) for line in cause.evidence)))
    return tuple(blocks)


def _row(side: Continuation) -> tuple[Text, Text]:
    return (sentence(capitalised(side_line(side))),), (sentence(capitalised(saved_line(side))),)
