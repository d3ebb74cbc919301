"""Phase by phase: what the candidate makes of the reference's own values, where it was run in follow mode."""

from collections.abc import Iterator, Sequence
from typing import Final

from parity.compare.following import PhaseVerdict
from parity.diagnose.outcome import Outcome
from parity.findings.following import Followed, word_of
from parity.findings.model import Verdict
from parity.report.document import Block, Code, Inline, Paragraph, Section, Strong, Table, Text
from parity.report.sections.modules import modules
from parity.report.wording import capitalised, count, squeezed, word

_HEADER: Final[tuple[Text, ...]] = (
    ("Phase",),
    ("Verdict",),
    ("Updates judged",),
    ("Different",),
    ("Not compared because",),
)
_LEAD: Final = (
    "Both programs ran once more, in lockstep. At every boundary the candidate's own value was judged, and then, where "
    "it differed, replaced by the reference's. So each phase was given equal input: no finding below follows from "
    "another, and a phase that is identical is cleared. Index -1 is what happens before the first update."
)


def phases(outcomes: Sequence[Outcome]) -> Section | None:
    """One table for each scenario that was followed; None where none was."""
    followed = [(one.scenario, one.followed) for one in outcomes if one.followed is not None]
    if not followed:
        return None
    sections = tuple(Section((Code(scenario),), tuple(_blocks(result))) for scenario, result in followed)
    return Section(("Phase by phase",), (Paragraph((_LEAD,)),), sections)


def written(followed: Followed) -> str:
    """How many values were taken over, in words."""
    if not followed.written:
        return "no value had to be replaced by the reference's"
    return f"{count(followed.written, 'value')} replaced by the reference's"


def standing(phase: PhaseVerdict) -> Text:
    """Verdict and extent of one phase, in words."""
    verdict = word_of(phase)
    if verdict is Verdict.DIFFERENT:
        return (f"{word(verdict)}, in {_extent(phase)}",)
    if verdict is Verdict.NOT_COMPARED:
        return (f"{word(verdict)}: {'; '.join(phase.reasons)}",)
    return (word(verdict) if verdict is not None else "not observed",)


def _blocks(followed: Followed) -> Iterator[Block]:
    if followed.refusal:
        yield Paragraph((f"Not followed: {squeezed(followed.refusal)}.",))
        return
    yield Paragraph((f"{capitalised(written(followed))}{_by_kind(followed)}.",))
    yield Table(_HEADER, tuple(_row(phase) for phase in followed.phases))
    yield from modules(followed.modules)


def _by_kind(followed: Followed) -> str:
    kinds = [f"{what} {times:,}" for what, times in followed.writes.items()]
    return f" ({', '.join(kinds)})" if kinds else ""


def _row(phase: PhaseVerdict) -> tuple[Text, ...]:
    verdict = word_of(phase)
    shown = word(verdict) if verdict is not None else "not observed"
    marked: Inline = Strong((shown,)) if verdict is Verdict.DIFFERENT else shown
    reasons = (
        f"{count(phase.not_compared, 'update')}: {squeezed('; '.join(phase.reasons))}" if phase.not_compared else ""
    )
    return (phase.name,), (marked,), (f"{phase.judged:,}",), (_extent(phase) if phase.different else "",), (reasons,)


def _extent(phase: PhaseVerdict) -> str:
    return f"{len(phase.different):,} of {count(phase.judged, 'update')}, first {phase.first}"
