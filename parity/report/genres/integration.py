"""The integration summary: what of the reference stands in the candidate, what is missing, and what was verified."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from parity.findings.model import Verdict
from parity.invariants.model import State
from parity.report.document import Block, Bullets, Code, Document, Paragraph, Section, Strong, Table, Text
from parity.report.facts import overall, verdict
from parity.report.genres.behaviours import Behaviour, Standing, behaviours
from parity.report.genres.checks import checklist, conditions, of_behaviour, percent, scenarios
from parity.report.genres.offers import (
    ADDED,
    IDENTICAL,
    MISSING,
    PARTLY,
    UNCONFIRMED,
    Offer,
    definitions,
    features,
    flags,
)
from parity.report.genres.tables import places, unread
from parity.report.genres.titles import pairs, title
from parity.report.genres.traits import traits
from parity.report.subject import Subject
from parity.report.wording import capitalised, count, listed, quoted, word
from parity.trace.channels import Phase

_MOST: Final = 40
_MOST_NAMES: Final = 8
_SAME: Final = frozenset({IDENTICAL, "moved, same body", "renamed, same body"})
_OPEN: Final = (Standing.MISSING, Standing.DIFFERENT, Standing.UNKNOWN, Standing.PARTLY)


def integration_summary(subjects: Sequence[Subject]) -> Document:
    """Put the summary of one or several pairs together."""
    parts = [_overview(subjects)]
    for subject in subjects:
        known = behaviours(subject.outcomes)
        sections = (_integrated(subject, known), _missing(subject, known), _added(subject), _files(subject))
        parts.append(Section(("Pair ", Code(subject.pair)), (), sections))
    parts += [_verified(subjects), conditions(subjects)]
    return Document(("Integration summary: ", *pairs(subjects)), tuple(parts))


def _overview(subjects: Sequence[Subject]) -> Section:
    items: list[Text] = []
    for subject in subjects:
        known = [one for one in behaviours(subject.outcomes) if one.counts and one.standing is not Standing.UNSEEN]
        proved = sum(one.standing is Standing.PROVED for one in known)
        shown = overall(verdict(one) for one in subject.outcomes)
        opening = Strong((f"{capitalised(word(shown))}:",))
        rest = f", {proved} of {count(len(known), 'behaviour')} proved ({percent(proved, len(known))})."
        items.append((opening, " ", Code(subject.programs[1]), " against ", Code(subject.programs[0]), rest))
    return Section(("Overview",), (Bullets(tuple(items)),))


def _integrated(subject: Subject, known: Sequence[Behaviour]) -> Section:
    items: list[Text] = []
    for phase in Phase:
        proved = [one for one in known if one.channel.phase is phase and one.standing is Standing.PROVED]
        if proved:
            values = count(sum(one.values for one in proved), "value")
            names = listed([one.channel.name for one in proved], _MOST_NAMES)
            items.append((Strong((f"{capitalised(title(phase))}:",)), " ", *names, f"; {values} compared."))
    blocks: list[Block] = [Paragraph(("Behaviours that the runs prove, by phase:",)), Bullets(tuple(items))]
    if not items:
        blocks = [Paragraph(("No behaviour is proved.",))]
    if subject.unread:
        return Section(("Integrated",), (*blocks, *unread(subject)))
    shown = [one for one in features(subject, known) if one.word in (IDENTICAL, PARTLY)]
    unsure = [one for one in features(subject, known) if one.word == UNCONFIRMED]
    kept = [one for one in flags(subject) if one.word == IDENTICAL]
    same = Counter(one.word for one in definitions(subject) if one.word in _SAME)
    facts: tuple[Text, ...] = (
        ("Features that the runs show: ", *_names(shown)),
        ("Features of both sources that no run shows: ", *_names(unsure)),
        (f"Options with the same name and default: {len(kept):,}.",),
        (f"Definitions with the same body: {', '.join(f'{same[key]} {key}' for key in sorted(same)) or 'none'}.",),
    )
    return Section(("Integrated",), (*blocks, Paragraph(("From the sources:",)), Bullets(facts)))


def _names(offers: Sequence[Offer]) -> Text:
    return (*listed([one.name for one in offers], _MOST), ".") if offers else ("none.",)


def _missing(subject: Subject, known: Sequence[Behaviour]) -> Section:
    """Everything of the reference that is not proved to stand in the candidate."""
    heading: Text = ("Still missing",)
    open_ = [one for one in known if one.counts and one.standing in _OPEN]
    items = [of_behaviour(one).text for one in open_]
    for noun, offers in (("Feature", features(subject, known)), ("Option", flags(subject))):
        left = [one for one in offers if one.word not in (IDENTICAL, ADDED, PARTLY, UNCONFIRMED)]
        items += [(Strong((f"{noun} {one.word}:",)), " ", Code(one.name), " (", *places(one), ").") for one in left]
    for noun, channel in (("Lines not printed", "log_line"), ("Files not written", "file_written")):
        gone = [one.name for one in traits(subject, channel) if one.word == MISSING]
        items += [(Strong((f"{noun}, {len(gone):,}:",)), " ", *listed(gone, _MOST), ".")] if gone else []
    alone = [one.name for one in definitions(subject) if one.word == "no counterpart"]
    if alone:
        names = listed(alone, _MOST)
        items.append((Strong(("Definitions without a counterpart of the same body or name:",)), " ", *names, "."))
    blocks: tuple[Block, ...] = (Paragraph(("Nothing in what was exercised and read.",)),)
    if items:
        more = len(items) - _MOST
        rest = (Paragraph((f"... and {more:,} more.",)),) if more > 0 else ()
        blocks = (Bullets(tuple(items[:_MOST])), *rest)
    return Section(heading, (*blocks, *unread(subject)))


def _added(subject: Subject) -> Section:
    heading: Text = ("Added by the candidate",)
    if subject.unread:
        return Section(heading, unread(subject))
    known = behaviours(subject.outcomes)
    items = []
    for noun, offers in (("Features", features(subject, known)), ("Options", flags(subject))):
        items.append((f"{noun}: ", *_names([one for one in offers if one.word == ADDED])))
    return Section(heading, (Bullets(tuple(items)),))


def _files(subject: Subject) -> Section:
    """Every file of the candidate, and how much of what it defines comes from the reference."""
    heading: Text = ("Files touched",)
    if subject.reference is None or subject.candidate is None:
        return Section(heading, unread(subject))
    counts: dict[str, Counter[str]] = {}
    origins: dict[str, dict[str, None]] = {}
    for one in definitions(subject):
        if one.candidate_place is not None:
            counts.setdefault(one.candidate_place.file, Counter())[one.word] += 1
            if one.reference_place is not None:
                origins.setdefault(one.candidate_place.file, {})[one.reference_place.file] = None
    rows: list[tuple[Text, ...]] = []
    for file in sorted(subject.candidate.files, key=lambda one: one.file):
        words = counts.get(file.file, Counter())
        told = [str(sum(words[name] for name in _SAME)), str(words["changed"]), str(words[ADDED])]
        source = listed(list(origins.get(file.file, {}))) if file.file in origins else ("none",)
        rows.append((quoted(file.file), (f"{file.lines:,}",), *((one,) for one in told), source))
    header: tuple[Text, ...] = (
        ("File of the candidate",),
        ("Lines",),
        ("Definitions with the same body",),
        ("Changed",),
        ("Added",),
        ("From",),
    )
    kept = [(*quoted(one.file), f", {count(one.lines, 'line')}") for one in subject.reference.files]
    blocks = (Table(header, tuple(rows)), Paragraph(("Files of the reference:",)), Bullets(tuple(kept)))
    return Section(heading, blocks)


def _verified(subjects: Sequence[Subject]) -> Section:
    checks = [check for subject in subjects for check in scenarios(subject)]
    return Section(("What was verified",), (checklist(checks), *_invariants(subjects)))


def _invariants(subjects: Sequence[Subject]) -> tuple[Block, ...]:
    checked = [one.invariants for each in subjects for one in each.outcomes if one.invariants is not None]
    if not checked:
        return (Paragraph(("Not compared: what must hold in any run was not checked.",)),)
    results = [result for one in checked for result in one.candidate]
    violated = {one.invariant.id for one in results if one.state is State.VIOLATED}
    shared = {one.invariant.id for each in checked for one in each.reference if one.state is State.VIOLATED}
    held = {one.invariant.id for one in results if one.state is State.HOLDS} - violated
    text = f"Of what must hold in any run, {count(len(held), 'invariant')} held in the candidate wherever checked"
    failed = [one.scenario for each in subjects for one in each.outcomes if verdict(one) is Verdict.NOT_COMPARED]
    alone, both = sorted(violated - shared), sorted(violated & shared)
    rest: Text = ("; violated by it alone: ", *(listed(alone, _MOST) or ("none",)))
    rest += ("; by both sides: ", *(listed(both, _MOST) or ("none",)), ".")
    left: Text = (" Not compared at all: ", *listed(failed, _MOST), ".") if failed else ()
    return (Paragraph((text, *rest, *left)),)
