"""The feature matrix: what each script offers, prints and writes, counted on both sides."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from parity.report.document import Block, Bullets, Code, Document, Excerpt, Paragraph, Section, Strong, Table, Text
from parity.report.facts import overall, verdict
from parity.report.genres.behaviours import behaviours
from parity.report.genres.checks import Check, checklist, conditions, of_behaviour, scenarios
from parity.report.genres.drawings import drawings
from parity.report.genres.offers import definitions, features, flags
from parity.report.genres.tables import definition_table, feature_table, file_table, flag_table, unread
from parity.report.genres.titles import pairs
from parity.report.genres.traits import Trait, traits
from parity.report.subject import Subject
from parity.report.wording import count, listed, quoted, visible, word
from parity.trace.channels import Phase

_MOST_LINES: Final = 30
_MOST_FILES: Final = 60
_CHECKED: Final = frozenset({Phase.CHECKPOINT, Phase.EVAL, Phase.LOG, Phase.EXIT})


def feature_matrix(subjects: Sequence[Subject]) -> Document:
    """Put the matrix of one or several pairs together."""
    parts = [
        _overview(subjects),
        *(_of_pair(subject) for subject in subjects),
        conditions(subjects),
        Section(("Testing checklist",), (_checks(subjects),)),
        _usage(subjects),
    ]
    return Document(("Feature comparison: ", *pairs(subjects)), tuple(parts))


def _overview(subjects: Sequence[Subject]) -> Section:
    header: tuple[Text, ...] = (("Pair",), ("Scripts",), ("Runs",), ("Features",), ("Options",))
    rows: list[tuple[Text, ...]] = []
    for subject in subjects:
        shown = overall(verdict(one) for one in subject.outcomes)
        known = behaviours(subject.outcomes)
        said = "not compared" if subject.unread else ""
        scripts: Text = (Code(subject.programs[0]), " and ", Code(subject.programs[1]))
        words = (_tally(one.word for one in found) for found in (features(subject, known), flags(subject)))
        rows.append(((Code(subject.pair),), scripts, (Strong((word(shown),)),), *((said or one,) for one in words)))
    return Section(("Overview",), (Table(header, tuple(rows)), *_across(subjects)))


def _tally(words: Iterable[str]) -> str:
    counted = Counter(words)
    return ", ".join(f"{number} {name}" for name, number in sorted(counted.items(), key=lambda one: (-one[1], one[0])))


def _across(subjects: Sequence[Subject]) -> tuple[Block, ...]:
    """Features by pair, where there are several."""
    if len(subjects) < 2:
        return ()
    found = [{one.name: one.word for one in features(each, behaviours(each.outcomes))} for each in subjects]
    names = sorted({name for one in found for name in one}, key=str.lower)
    header: tuple[Text, ...] = (("Feature",), *((Code(one.pair),) for one in subjects))
    absent = ["not compared" if one.unread else "absent" for one in subjects]
    rows = tuple(
        ((name,), *((one.get(name, missing),) for one, missing in zip(found, absent, strict=True))) for name in names
    )
    return (Paragraph(("Status of each feature by pair:",)), Table(header, rows)) if rows else ()


def _of_pair(subject: Subject) -> Section:
    known = behaviours(subject.outcomes)
    parts = [
        Section(("Features",), unread(subject) or feature_table(features(subject, known), subject.programs)),
        Section(("Options",), unread(subject) or flag_table(flags(subject))),
        Section(("File statistics",), _files(subject)),
        Section(("Definitions",), _definitions(subject)),
        Section(("Output of both",), _printed(subject)),
        *_drawn(subject),
        Section(("Files written by both",), _written(subject)),
    ]
    return Section(("Pair ", Code(subject.pair)), (), tuple(parts))


def _files(subject: Subject) -> tuple[Block, ...]:
    if subject.reference is None or subject.candidate is None:
        return unread(subject)
    sides = ("reference", subject.reference), ("candidate", subject.candidate)
    lines = [sum(one.lines for one in surface.files) for _, surface in sides]
    change = f"{lines[1] - lines[0]:+,}"
    lead = (
        f"{lines[0]:,} lines in the reference, {lines[1]:,} in the candidate ({change}), of the files that were loaded."
    )
    return Paragraph((lead,)), *file_table(sides)


def _definitions(subject: Subject) -> tuple[Block, ...]:
    """Numbers of all, and the classes one by one."""
    if subject.unread:
        return unread(subject)
    found = list(definitions(subject))
    kinds = {
        str(one.place): one.kind
        for surface in (subject.reference, subject.candidate)
        if surface is not None
        for one in surface.definitions
    }
    classes = [
        one for one in found if "class" in {kinds.get(str(one.reference_place)), kinds.get(str(one.candidate_place))}
    ]
    lead = f"Functions, methods and classes: {_tally(one.word for one in found) or 'none'}. Classes:"
    return Paragraph((lead,)), *definition_table(classes)


def _printed(subject: Subject) -> tuple[Block, ...]:
    lines = traits(subject, "log_line")
    if not lines:
        return (Paragraph(("No line was printed by either side, or none was recorded.",)),)
    lead = f"Lines by their wording, with {{}} for each number: {_tally(one.word for one in lines)}."
    blocks: list[Block] = [Paragraph((lead,))]
    for title, shown in (
        ("Printed by both:", [one for one in lines if one.reference and one.candidate]),
        ("Printed by the reference alone:", [one for one in lines if one.word == "missing"]),
        ("Printed by the candidate alone:", [one for one in lines if one.word == "added"]),
    ):
        if shown:
            blocks += [Paragraph((title,)), Excerpt(_text(shown), language="text")]
    return tuple(blocks)


def _text(lines: Sequence[Trait]) -> str:
    more = len(lines) - _MOST_LINES
    shown = [visible(one.name) for one in lines[:_MOST_LINES]]
    return "\n".join([*shown, *([f"... and {count(more, 'more line')}"] if more > 0 else [])])


def _drawn(subject: Subject) -> tuple[Section, ...]:
    """The panels of their charts, where any were drawn."""
    panels = drawings(subject)
    if not panels:
        return ()
    header: tuple[Text, ...] = (("Panel",), ("Reference",), ("Candidate",), ("What is drawn in it",), ("Status",))
    rows = tuple(
        (
            quoted(one.text),
            (count(one.reference, "picture"),),
            (count(one.candidate, "picture"),),
            (f"{one.equal:,} equal, {one.apart:,} different, {one.left_out:,} not compared",),
            (one.word if one.word == "identical" else Strong((one.word,)),),
        )
        for one in panels
    )
    lead = "What is drawn are the points of lines and collections, and the cells of tables, compared bit for bit."
    return (Section(("Charts drawn by both",), (Paragraph((lead,)), Table(header, rows))),)


def _written(subject: Subject) -> tuple[Block, ...]:
    files = sorted(traits(subject, "file_written"), key=lambda one: one.name)
    if not files:
        return (Paragraph(("Neither side was seen to write a file.",)),)
    header: tuple[Text, ...] = (("File",), ("Reference",), ("Candidate",), ("Status",))
    rows = tuple(
        (
            quoted(one.name),
            ("written" if one.reference else "not written",),
            ("written" if one.candidate else "not written",),
            (one.word if one.word == "identical" else Strong((one.word,)),),
        )
        for one in files[:_MOST_FILES]
    )
    more = len(files) - _MOST_FILES
    note = "Identical says that both write a file of that name; what checkpoints hold is compared by their channels."
    rest = (Paragraph((f"... and {count(more, 'more file')}.",)),) if more > 0 else ()
    return Paragraph((note,)), Table(header, rows), *rest


def _checks(subjects: Sequence[Subject]) -> Block:
    checks: list[Check] = []
    for subject in subjects:
        checks += scenarios(subject)
        known = behaviours(subject.outcomes)
        checks += [of_behaviour(one) for one in known if one.channel.phase in _CHECKED and one.sights]
    return checklist(checks)


def _usage(subjects: Sequence[Subject]) -> Section:
    items: list[Text] = []
    for subject in subjects:
        for scenario, comparison in subject.comparisons[:1]:
            for side, trace in (("reference", comparison.reference), ("candidate", comparison.candidate)):
                items.append((f"{side} of ", *listed([subject.pair]), f", {scenario}: ", Code(trace.command)))
    blocks: tuple[Block, ...] = (Bullets(tuple(items)),) if items else (Paragraph(("Nothing was run.",)),)
    return Section(("Usage",), blocks)
