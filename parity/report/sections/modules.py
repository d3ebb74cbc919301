"""The modules of a forward that differs, each given the reference's values: which of them differ by themselves."""

from collections.abc import Iterator, Sequence
from typing import Final

from parity.compare.modules import ModuleVerdict
from parity.compare.zoom_model import Part
from parity.diagnose import closeup
from parity.report.document import Block, Code, Paragraph, Table, Text
from parity.report.wording import count

_HEADER: Final[tuple[Text, ...]] = (("Module",), ("Reference",), ("Candidate",), ("What differs",))
_LEAD: Final = (
    "In the first forward that differs, every module was given the reference's values, and what it returned was judged "
    "and then replaced: each module below differs by itself, whatever the others do."
)


def modules(found: Sequence[ModuleVerdict]) -> Iterator[Block]:
    """A table of the modules that differ; nothing where no forward was followed module by module."""
    if not found:
        return
    rows = tuple(_row(one) for one in found if one.differs or one.reason)
    yield Paragraph((_LEAD if rows else "No module of the forward differs by itself.",))
    if rows:
        yield Table(_HEADER, rows)
    both = [one for one in found if one.reference is not None and one.candidate is not None]
    same = count(sum(not one.differs and not one.reason for one in both), "module")
    lone = [*_lone(found, "reference"), *_lone(found, "candidate")]
    yield Paragraph((f"{same} identical{''.join(lone)}.",))


def _lone(found: Sequence[ModuleVerdict], side: str) -> Iterator[str]:
    parts = [part for one in found if (part := _only(one, side)) is not None]
    if parts:
        yield f"; only in the {side}: {', '.join(f'{closeup.path(part.path)} ({part.kind})' for part in parts)}"


def _only(one: ModuleVerdict, side: str) -> Part | None:
    ours, theirs = (one.reference, one.candidate) if side == "reference" else (one.candidate, one.reference)
    return ours if theirs is None else None


def _row(one: ModuleVerdict) -> tuple[Text, ...]:
    path = next(part.path for part in (one.reference, one.candidate) if part is not None)
    said = ["makes something else of the same input"] if one.computes else []
    said += [f"passes something else to {closeup.path(part)}" for part in one.passes]
    said += [f"not compared: {one.reason}"] if one.reason else []
    return (Code(closeup.path(path)),), _part(one.reference), _part(one.candidate), ("; ".join(said),)


def _part(part: Part | None) -> Text:
    if part is None:
        return ("none",)
    return (Code(f"{part.kind}({part.arguments})"),)
