"""What the differences mean: those that change the training, with their consequence, and those that do not."""

from collections.abc import Iterator
from typing import Final

from parity.compare.surface import SurfaceDifference, SurfaceKind
from parity.diagnose.registry import Cause
from parity.findings.model import Finding, Verdict
from parity.report.document import Block, Bullets, Code, Paragraph, Section, Strong, Text
from parity.report.explanation import explanations, unexplained
from parity.report.genres.arguments import untried
from parity.report.sections.accepted import accepted_causes
from parity.report.subject import Subject
from parity.report.wording import capitalised, count, extent, listed, sentence, word

_MOST: Final = 40
_ADDITIONS: Final = (SurfaceKind.FLAG_EXTRA, SurfaceKind.FEATURE_EXTRA)


def impact(subject: Subject) -> Section:
    """Changes that affect the training or everybody's command line, then changes that do not."""
    affecting = [*_measured(subject), *_accepted(subject), *_offered(subject), *_given(subject)]
    harmless = [*_beside(subject), *_added(subject)]
    return Section(
        ("Impact",),
        (),
        (
            Section(("Changes that affect the training or its command line",), _items(affecting, subject)),
            Section(("Changes that do not affect what was compared",), _items(harmless, subject)),
        ),
    )


def _items(items: list[Text], subject: Subject) -> tuple[Block, ...]:
    doubt: tuple[Block, ...] = ()
    if subject.unread:
        doubt = (Paragraph((Strong(("Not compared:",)), f" the sources, because {subject.unread}.")),)
    if not items:
        return *doubt, Paragraph(("None found in anything that was compared.",))
    more = len(items) - _MOST
    rest = (Paragraph((f"... and {more:,} more.",)),) if more > 0 else ()
    return *doubt, Bullets(tuple(items[:_MOST])), *rest


def _measured(subject: Subject) -> Iterator[Text]:
    for explanation in explanations(subject.outcomes):
        cause = explanation.cause
        where = [one.scenario for one in explanation.sightings]
        yield (Strong((sentence(cause.title),)), f" {sentence(cause.consequence)} Seen in ", *listed(where), ".")
    for sighting in unexplained(subject.outcomes):
        for finding in sighting.findings:
            opening = f"{capitalised(word(finding.verdict))}, cause unknown:"
            yield (
                Strong((opening,)),
                f" {finding.channel.title} (",
                Code(finding.channel.name),
                f") in {sighting.scenario}; {sentence(extent(finding))}",
            )


def _accepted(subject: Subject) -> Iterator[Text]:
    """What somebody accepted: it changes the training all the same. Causes first, then what none of them explains."""
    causes: dict[str, tuple[Cause, list[str]]] = {}
    others: dict[str, tuple[Finding, list[str]]] = {}
    for outcome in subject.outcomes:
        found = accepted_causes(outcome)
        for cause in found:
            causes.setdefault(cause.title, (cause, []))[1].append(outcome.scenario)
        explained = {one for cause in found for one in cause.explains}
        for finding in outcome.judgement.findings if outcome.judgement is not None else ():
            if finding.waiver and finding.id not in explained:
                others.setdefault(finding.id, (finding, []))[1].append(outcome.scenario)
    for cause, where in causes.values():
        title = Strong((f"Accepted: {sentence(cause.title)}",))
        yield title, f" {sentence(cause.consequence)} Seen in ", *listed(where), "."
    for finding, where in others.values():
        opening = Strong((f"Accepted, {word(finding.verdict)}:",))
        yield opening, f" {finding.channel.title} (", Code(finding.channel.name), ") in ", *listed(where), "."


def _offered(subject: Subject) -> Iterator[Text]:
    for one in subject.differences:
        if one.gates:
            yield Strong((f"{capitalised(one.kind.value)}:",)), " ", Code(one.name), f". {consequence(one)}"


def _given(subject: Subject) -> Iterator[Text]:
    """Options of the candidate alone that the runs needed, because their defaults would have changed something."""
    for one in untried(subject):
        yield *one, "."


def consequence(one: SurfaceDifference) -> str:
    """What a changed flag means to those who run the program as before."""
    if one.kind is SurfaceKind.FLAG_DEFAULT:
        return f"Whoever does not give it runs with {one.candidate} instead of {one.reference}."
    if one.kind is SurfaceKind.FLAG_RENAMED:
        changes = f" ({'; '.join(one.changes)})" if one.changes else ""
        return f"Commands that give {one.reference} have to give {one.candidate} instead{changes}."
    return "The candidate has nothing of that name: commands that give it are refused, or it has no effect."


def _beside(subject: Subject) -> Iterator[Text]:
    """Findings that do not count, each once over all scenarios."""
    seen: dict[str, Text] = {}
    for outcome in subject.outcomes:
        for finding in outcome.judgement.findings if outcome.judgement is not None else ():
            if not finding.gates and not finding.waiver:
                accepted = finding.verdict is Verdict.EQUIVALENT
                verdict = "equivalent, within the noise or a tolerance" if accepted else word(finding.verdict)
                numbers = f"{verdict}, {count(len(finding.names), 'name')}: "
                title = f"{capitalised(finding.channel.title)} ("
                names = listed(finding.names) if finding.names != ("",) else ("only series",)
                seen.setdefault(finding.id, (title, Code(finding.channel.name), f"), {numbers}", *names, "."))
    yield from seen.values()


def _added(subject: Subject) -> Iterator[Text]:
    for kind in _ADDITIONS:
        names = [one.name for one in subject.differences if one.kind is kind]
        if names:
            yield f"{capitalised(kind.value)}: ", *listed(names, 20), "."
