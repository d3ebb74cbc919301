"""What GitHub shows beside a run: the step summary, and the body of one comment that is renewed in place."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from parity.diagnose.outcome import Outcome
from parity.report.document import Document, Figure, Section
from parity.report.fitting import fitted
from parity.report.sections.summary import summary
from parity.report.wording import quoted

SUMMARY_LIMIT: Final = 900_000
COMMENT_LIMIT: Final = 64_000
_POINTER: Final = "it is in the full report"
_DIGEST_BYTES: Final = 8


def step_summary(document: Document, render: Callable[[Document], str]) -> str:
    """The report, cut by section to what a step summary can hold; pictures in files are not beside it there."""
    sections = tuple(section for section in document.sections if not _is_pictures(section))
    return render(fitted(replace(document, sections=sections), SUMMARY_LIMIT, render, _POINTER))


def _is_pictures(section: Section) -> bool:
    return any(isinstance(block, Figure) for block in section.blocks)


def comment(pairs: Mapping[str, Sequence[Outcome]], render: Callable[[Document], str]) -> str:
    """The summary of each pair alone, opened by a mark by which the comment is found and renewed."""
    sections = (replace(summary(outcomes), heading=("Pair ", *quoted(pair))) for pair, outcomes in pairs.items())
    document = Document(("Training parity",), tuple(sections))
    mark = f"{marker(tuple(pairs))}\n"
    return mark + render(fitted(document, COMMENT_LIMIT - len(mark), render, _POINTER))


def marker(pairs: Sequence[str]) -> str:
    """The hidden mark of the comment about ``pairs``: the same for the same pairs, whatever their names hold."""
    known = "\n".join(sorted(pairs)).encode("utf-8", "surrogatepass")
    return f"<!-- parity:{hashlib.blake2b(known, digest_size=_DIGEST_BYTES).hexdigest()} -->"
