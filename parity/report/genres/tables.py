"""Tables that several genres share: flags, features, definitions and files of both sides."""

from collections.abc import Iterable, Sequence
from typing import Final

from parity.report.document import Block, Code, Paragraph, Strong, Table, Text
from parity.report.genres.offers import IDENTICAL, UNCONFIRMED, Offer
from parity.report.subject import Subject
from parity.report.wording import count, quoted
from parity.surface.model import FileFacts, Place, Surface

_MOST: Final = 60
_LONGEST: Final = 80
_CALM: Final = frozenset({IDENTICAL, UNCONFIRMED, "moved, same body", "renamed, same body"})


def unread(subject: Subject) -> tuple[Block, ...]:
    """Why nothing can be said about the sources; nothing where they were read."""
    if not subject.unread:
        return ()
    return (Paragraph((Strong(("Not compared:",)), f" the sources, because {subject.unread}.")),)


def flag_table(offers: Iterable[Offer]) -> tuple[Block, ...]:
    """Options with the defaults of both sides."""
    header: tuple[Text, ...] = (
        ("Option",),
        ("Reference default",),
        ("Candidate default",),
        ("Verdict",),
        ("In the runs",),
        ("Places",),
    )
    rows = [
        (quoted(one.name), _short(one.reference), _short(one.candidate), verdict(one), one.note, places(one))
        for one in offers
    ]
    return _cut(header, rows, "option")


def feature_table(offers: Iterable[Offer], programs: tuple[str, str]) -> tuple[Block, ...]:
    """Features, present or not on each side, and what the runs show of them."""
    header: tuple[Text, ...] = (
        ("Feature",),
        (Code(programs[0]),),
        (Code(programs[1]),),
        ("Status",),
        ("Shown by the runs",),
    )
    rows = [
        ((one.name,), _present(one.reference_place), _present(one.candidate_place), verdict(one), one.note)
        for one in offers
    ]
    return _cut(header, rows, "feature")


def definition_table(offers: Iterable[Offer]) -> tuple[Block, ...]:
    """Functions and classes, and where each stands on both sides."""
    header: tuple[Text, ...] = (("Reference",), ("Candidate",), ("Verdict",), ("Places",))
    rows = [(_short(one.reference), _short(one.candidate), verdict(one), places(one)) for one in offers]
    return _cut(header, rows, "definition")


def file_table(sides: Iterable[tuple[str, Surface]]) -> tuple[Block, ...]:
    """Statistics of every file, counted; each side closed by its sum."""
    header: tuple[Text, ...] = (
        ("Side",),
        ("File",),
        ("Lines",),
        ("Lines of code",),
        ("Bytes",),
        ("Functions",),
        ("Classes",),
    )
    rows: list[tuple[Text, ...]] = []
    for side, surface in sides:
        files = sorted(surface.files, key=lambda one: (-one.lines, one.file))
        rows += [((side,), quoted(one.file), *_numbers(one)) for one in files]
        rows.append(((side,), (Strong((f"all {len(files)}",)),), *_numbers(*files)))
    return _cut(header, rows, "file")


def verdict(one: Offer) -> Text:
    """The word of an offer, strong where a reader must not miss it."""
    return (one.word if one.word in _CALM else Strong((one.word,)),)


def places(one: Offer) -> Text:
    """Where an offer stands on each side that has it."""
    found = [Code(str(place)) for place in (one.reference_place, one.candidate_place) if place is not None]
    return (found[0], ", ", found[1]) if len(found) > 1 else tuple(found)


def _present(place: Place | None) -> Text:
    return ("absent",) if place is None else ("present, ", Code(str(place)))


def _short(text: str) -> Text:
    return quoted(text, _LONGEST) if text else ("absent",)


def _numbers(*files: FileFacts) -> tuple[Text, ...]:
    parts = ("lines", "code", "bytes", "functions", "classes")
    return tuple((f"{sum(getattr(one, part) for one in files):,}",) for part in parts)


def _cut(header: tuple[Text, ...], rows: Sequence[tuple[Text, ...]], noun: str) -> tuple[Block, ...]:
    if not rows:
        return (Paragraph((f"No {noun} on either side.",)),)
    more = len(rows) - _MOST
    rest = (Paragraph((f"... and {count(more, f'more {noun}')}.",)),) if more > 0 else ()
    return Table(header, tuple(rows[:_MOST])), *rest
