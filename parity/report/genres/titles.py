"""Names that several genres give to pairs and phases."""

from collections.abc import Sequence
from typing import Final

from parity.report.document import Code, Text
from parity.report.subject import Subject
from parity.trace.channels import Phase

_TITLES: Final = {Phase.LR: "learning rate", Phase.EVAL: "evaluation"}


def pairs(subjects: Sequence[Subject]) -> Text:
    """The names of all pairs in a row."""
    parts: list[str | Code] = []
    for subject in subjects:
        parts += [", ", Code(subject.pair)]
    return tuple(parts[1:])


def title(phase: Phase) -> str:
    """The name of a phase for people."""
    return _TITLES.get(phase, phase.name.lower())
