"""Where in the model both programs part: the close-ups of the first divergences."""

from collections.abc import Iterator, Sequence
from typing import Final

from parity.compare.zoom_model import Direction, Part, Zoom
from parity.diagnose import closeup
from parity.diagnose.outcome import Outcome
from parity.report.document import Block, Bullets, Code, Paragraph, Section, Strong, Table, Text
from parity.report.wording import capitalised, quoted, sentence
from parity.trace.zoom import Operation

_LEAD: Final = (
    "Both programs were run once more up to the first divergence, and every module, operation and gradient there was "
    "digested. They are aligned by value: names play no part."
)


_FURTHER: Final = "Beside it, given the reference's values, this differs by itself:"


def zoom(outcomes: Sequence[Outcome]) -> Section | None:
    """The close-ups of each scenario that has any; None where none was taken."""
    found = [(outcome.scenario, outcome.closeups) for outcome in outcomes if outcome.closeups]
    if not found:
        return None
    heading: Text = ("Close-up of the first divergence",)
    lead = Paragraph((_LEAD,))
    if len(found) == 1:
        return Section(heading, (lead, *_closeups(found[0][1])))
    sections = tuple(Section(("Scenario ", *quoted(scenario)), tuple(_closeups(each))) for scenario, each in found)
    return Section(heading, (lead,), sections)


def _closeups(found: Sequence[Zoom]) -> Iterator[Block]:
    yield from _closeup(found[0])
    if len(found) > 1:
        yield Paragraph((_FURTHER,))
        for one in found[1:]:
            yield from _closeup(one)


def _closeup(found: Zoom) -> Iterator[Block]:
    yield Paragraph((Strong((sentence(capitalised(closeup.heading(found))),)),))
    rows = list(_rows(found))
    if rows:
        yield Table((("What",), ("Reference",), ("Candidate",)), tuple(rows))
    said = [*closeup.parameter_lines(found), closeup.gradient_line(found), *found.sequence]
    lines = [sentence(capitalised(line)) for line in said if line]
    if lines:
        yield Bullets(tuple((line,) for line in lines))
    if found.remarks:
        opening = "Not compared:" if found.direction is Direction.NONE else "To be borne in mind:"
        yield Paragraph((Strong((opening,)), f" {'; '.join(found.remarks)}."))


def _rows(found: Zoom) -> Iterator[tuple[Text, ...]]:
    if found.module is not None or found.counterpart is not None:
        yield ("first module",), _part(found.module), _part(found.counterpart)
    operation = found.operation
    if operation is not None:
        yield ("first operation",), _operation(operation.reference), _operation(operation.candidate)
        for change in operation.changes:
            yield (
                ("argument ", Code(change.name)),
                quoted(change.reference or "absent"),
                quoted(change.candidate or "absent"),
            )


def _part(part: Part | None) -> Text:
    if part is None:
        return ("no module",)
    arguments: Text = (", ", Code(part.arguments)) if part.arguments else ()
    return Code(closeup.path(part.path)), ": ", Code(part.kind), *arguments


def _operation(operation: Operation | None) -> Text:
    if operation is None:
        return ("none",)
    return Code(operation.name), " in ", Code(closeup.path(operation.module))
