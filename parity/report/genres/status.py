"""The refactoring status: which behaviours of the reference are proved in the candidate, and which are not yet."""

from collections.abc import Sequence
from typing import Final

from parity.findings.model import Verdict
from parity.report.document import Block, Bullets, Code, Document, Paragraph, Section, Strong, Table, Text
from parity.report.facts import overall, verdict
from parity.report.genres.behaviours import Behaviour, Standing, behaviours
from parity.report.genres.checks import checklist, conditions, of_behaviour, percent, scenarios
from parity.report.genres.offers import IDENTICAL, features, flags
from parity.report.genres.tables import feature_table, flag_table, unread
from parity.report.genres.titles import pairs, title
from parity.report.subject import Subject
from parity.report.wording import capitalised, count, listed, word
from parity.surface.model import Surface
from parity.trace.channels import Phase

_MOST_NEXT: Final = 12
_STANDINGS: Final = (Standing.PROVED, Standing.PARTLY, Standing.DIFFERENT, Standing.MISSING, Standing.UNKNOWN)
_OPEN: Final = frozenset({Standing.PARTLY, Standing.DIFFERENT, Standing.MISSING, Standing.UNKNOWN})


def status_report(subjects: Sequence[Subject]) -> Document:
    """Put the ledger of one or several pairs together."""
    parts = [
        _state(subjects),
        *(section for subject in subjects for section in _of_pair(subject, several=len(subjects) > 1)),
        conditions(subjects),
        _usable(subjects),
        _next(subjects),
    ]
    return Document(("Refactoring status: ", *pairs(subjects)), tuple(parts))


def _state(subjects: Sequence[Subject]) -> Section:
    rows = []
    for subject in subjects:
        known = [one for one in behaviours(subject.outcomes) if one.counts]
        proved, exercised = _tally(known)
        ours = [one for one in flags(subject) if one.reference_place is not None]
        kept = sum(one.word == IDENTICAL for one in ours)
        ran = len({one.scenario for one in subject.outcomes} & {one.name for one in subject.planned})
        of_flags = f"{kept} of {len(ours)} ({percent(kept, len(ours))})" if not subject.unread else "not compared"
        of_plan = f"{ran} of {len(subject.planned)}" if subject.planned else f"{len(subject.outcomes)}, no policy"
        shown = overall(verdict(one) for one in subject.outcomes)
        rows.append(
            (
                (Code(subject.pair),),
                (Strong((word(shown),)),),
                (f"{proved} of {exercised} ({percent(proved, exercised)})",),
                (of_flags,),
                (of_plan,),
            )
        )
    header: tuple[Text, ...] = (
        ("Pair",),
        ("Verdict",),
        ("Behaviours proved",),
        ("Options with the same name and default",),
        ("Scenarios run",),
    )
    lead = (
        "A behaviour is one kind of observable of the training; it is proved where every value that the reference "
        "showed was compared and found equal, bit for bit or within the measured noise or a tolerance of the policy, "
        "in every scenario that exercises it. What no scenario exercises is counted neither as proved nor as missing."
    )
    return Section(("Current state",), (Paragraph((lead,)), Table(header, tuple(rows))))


def _of_pair(subject: Subject, *, several: bool) -> tuple[Section, ...]:
    known = behaviours(subject.outcomes)
    parts = (
        _phases(known),
        _command_line(subject),
        _features(subject, known),
        Section(("Scenarios",), (checklist(scenarios(subject)),)),
    )
    return (Section(("Pair ", Code(subject.pair)), (), parts),) if several else parts


def _phases(known: Sequence[Behaviour]) -> Section:
    header: tuple[Text, ...] = (
        ("Phase",),
        ("Exercised",),
        *((capitalised(one),) for one in _STANDINGS),
        ("Share proved",),
    )
    rows: list[tuple[Text, ...]] = []
    sections = []
    for phase in Phase:
        here = [one for one in known if one.channel.phase is phase]
        counting = [one for one in here if one.counts]
        proved, exercised = _tally(counting)
        numbers = [sum(one.standing is standing for one in counting) for standing in _STANDINGS]
        share = percent(proved, exercised) if exercised else "not exercised"
        rows.append(((title(phase),), (str(exercised),), *((str(one),) for one in numbers), (share,)))
        sections.append(_phase(phase, here, f"{share}, {proved} of {exercised}" if exercised else share))
    return Section(("Phases of the training",), (Table(header, tuple(rows)),), tuple(sections))


def _phase(phase: Phase, here: Sequence[Behaviour], share: str) -> Section:
    seen = [one for one in here if one.counts and one.standing is not Standing.UNSEEN]
    beside = [one for one in here if not one.counts and one.standing is not Standing.UNSEEN]
    unseen = [one.channel.name for one in here if one.standing is Standing.UNSEEN]
    blocks: list[Block] = [checklist(of_behaviour(one) for one in seen)] if seen else []
    if beside:
        blocks.append(Paragraph(("Beside these, without a say in the verdict:",)))
        blocks.append(Bullets(tuple(of_behaviour(one).text for one in beside)))
    if unseen:
        blocks.append(Paragraph(("Not exercised by any scenario: ", *listed(unseen, len(unseen)), ".")))
    return Section((f"{capitalised(title(phase))} ({share})",), tuple(blocks))


def _command_line(subject: Subject) -> Section:
    heading: Text = ("Command line and configuration",)
    if subject.unread:
        return Section(heading, unread(subject))
    offers = flags(subject)
    ours = [one for one in offers if one.reference_place is not None]
    changed = [one for one in offers if one.word != IDENTICAL]
    kept = sum(one.word == IDENTICAL for one in ours)
    lead = (
        f"{count(len(ours), 'option')} of the reference, on its command line or in its configuration; {kept:,} have "
        f"the same name and default in the candidate, which adds {len(offers) - len(ours):,}. "
    )
    if not changed:
        return Section(heading, (Paragraph((f"{lead}Nothing differs.",)),))
    return Section(heading, (Paragraph((f"{lead}Those that differ:",)), *flag_table(changed)))


def _features(subject: Subject, known: Sequence[Behaviour]) -> Section:
    heading: Text = ("Features",)
    if subject.unread:
        return Section(heading, unread(subject))
    lead = (
        "Read from the sources that the runs have loaded. A feature of both is identical only where the runs show it; "
        "one that lies elsewhere, such as in a library, is not seen."
    )
    return Section(heading, (Paragraph((lead,)), *feature_table(features(subject, known), subject.programs)))


def _usable(subjects: Sequence[Subject]) -> Section:
    """What runs today, by how the programs ended, and how large it is."""
    items: list[Text] = []
    for subject in subjects:
        sides = zip(("reference", "candidate"), subject.programs, (subject.reference, subject.candidate), strict=True)
        for side, name, surface in sides:
            ends = [getattr(comparison, side).exit_status for _, comparison in subject.comparisons]
            clean = sum(end == 0 for end in ends)
            said = "not known" if not ends else f"ended with success in {clean} of {count(len(ends), 'scenario')}"
            items.append((Code(name), f" ({side} of ", Code(subject.pair), f"): {said}; {_extent(surface)}."))
    return Section(("Current usable state",), (Bullets(tuple(items)),))


def _extent(surface: Surface | None) -> str:
    if surface is None:
        return "its size is not known"
    return f"{count(len(surface.files), 'file')} with {count(sum(one.lines for one in surface.files), 'line')}"


def _next(subjects: Sequence[Subject]) -> Section:
    items: list[Text] = []
    for subject in subjects:
        known = behaviours(subject.outcomes)
        open_ = [one for one in known if one.counts and one.standing in _OPEN]
        items += [
            (f"{capitalised(one.standing)}: {one.channel.title} (", Code(one.channel.name), ").") for one in open_
        ]
        ran = {one.scenario for one in subject.outcomes}
        left = [one.name for one in subject.planned if one.name not in ran]
        if left:
            command = Code(f"parity run {subject.pair} --full")
            items.append(("Run ", *listed(left), ": ", command, "."))
        failed = [one.scenario for one in subject.outcomes if verdict(one) is Verdict.NOT_COMPARED]
        if failed:
            items.append(("Make ", *listed(failed), " comparable."))
    more = len(items) - _MOST_NEXT
    blocks: tuple[Block, ...] = (Paragraph(("Nothing is open in what was exercised and planned.",)),)
    if items:
        blocks = (Bullets(tuple(items[:_MOST_NEXT]), numbered=True),)
        blocks += (Paragraph((f"... and {more:,} more.",)),) if more > 0 else ()
    return Section(("Next steps",), blocks)


def _tally(known: Sequence[Behaviour]) -> tuple[int, int]:
    """How many behaviours are proved, and how many were exercised."""
    exercised = [one for one in known if one.standing is not Standing.UNSEEN]
    return sum(one.standing is Standing.PROVED for one in exercised), len(exercised)
