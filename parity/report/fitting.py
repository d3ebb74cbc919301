"""Making a document fit where it is posted: what stands first is kept, the rest gives way to a pointer."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from parity.report.document import Block, Bullets, Document, Paragraph, Section, Table, plain
from parity.report.wording import count, shorten

_RESERVED: Final = 400
_LONGEST: Final = 60
_FEWEST: Final = 4
Render = Callable[[Document], str]


def fitted(document: Document, limit: int, render: Render, pointer: str) -> Document:
    """``document`` cut by section so that ``render`` makes at most ``limit`` bytes of it.

    ``pointer`` says where the whole report is.
    """
    if _size(render, document) <= limit:
        return document
    cutter = _Cutter(render, limit - _size(render, replace(document, sections=())) - _RESERVED, pointer)
    return replace(document, sections=cutter.sections(document.sections))


@dataclass
class _Cutter:
    """Spends ``left`` bytes on sections in the order of reading."""

    render: Render
    left: int
    pointer: str

    def sections(self, sections: tuple[Section, ...]) -> tuple[Section, ...]:
        """Those that fit, the first of the others as far as it fits, and one pointer for what is left out."""
        kept: list[Section] = []
        for at, section in enumerate(sections):
            cut = self._section(section)
            if cut is None:
                gone = sections[at:]
                names = ", ".join(shorten(plain(one.heading), _LONGEST) for one in gone[:_FEWEST])
                more = f" and {len(gone) - _FEWEST:,} more" if len(gone) > _FEWEST else ""
                text = f"{count(len(gone), 'section')} left out here ({names}{more}): {self.pointer}."
                return (*kept, Section(("Left out",), (Paragraph((text,)),)))
            kept.append(cut)
        return tuple(kept)

    def _section(self, section: Section) -> Section | None:
        bare = Section(section.heading, ())
        reserve = _RESERVED + self._cost(bare)
        if self.left < reserve:
            return None
        self.left -= reserve
        blocks = self._blocks(section.blocks)
        return replace(section, blocks=blocks, sections=self.sections(section.sections))

    def _blocks(self, blocks: tuple[Block, ...]) -> tuple[Block, ...]:
        kept: list[Block] = []
        for block in blocks:
            cost = self._cost(Section((), (block,)))
            if cost <= self.left:
                self.left -= cost
                kept.append(block)
                continue
            part = self._part(block)
            return (*kept, *part, Paragraph((f"The rest of this section is left out here: {self.pointer}.",)))
        return tuple(kept)

    def _part(self, block: Block) -> tuple[Block, ...]:
        """The first rows of a table or items of a list, as many as fit."""
        while isinstance(block, Table | Bullets):
            block = _halved(block)
            if not (block.rows if isinstance(block, Table) else block.items):
                break
            cost = self._cost(Section((), (block,)))
            if cost <= self.left:
                self.left -= cost
                return (block,)
        return ()

    def _cost(self, section: Section) -> int:
        return _size(self.render, Document((), (section,)))


def _halved(block: Table | Bullets) -> Table | Bullets:
    if isinstance(block, Table):
        return replace(block, rows=block.rows[: len(block.rows) // 2])
    half = len(block.items) // 2
    return replace(block, items=block.items[:half], ticked=block.ticked[:half])


def _size(render: Render, document: Document) -> int:
    return len(render(document).encode("utf-8"))
