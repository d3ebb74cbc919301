"""What a report is made of, before anybody decides how it looks.

Text is data: a plain string is never markup, whatever characters it holds, and only ``Code`` and ``Strong`` change how
it looks. Every renderer escapes for its own format, so that a parameter's name or a printed line cannot break a page.
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias


@dataclass(frozen=True)
class Code:
    """Something quoted literally from a program: a name, a value, a path, a printed line."""

    content: str


@dataclass(frozen=True)
class Strong:
    """Words that a reader must not miss."""

    content: tuple[str | Code, ...]


Inline: TypeAlias = str | Code | Strong
Text: TypeAlias = tuple[Inline, ...]


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    kind: ClassVar[str] = "paragraph"

    text: Text


@dataclass(frozen=True)
class Bullets:
    """A list, numbered where the order means something.

    ``ticked`` gives every item a box, ticked or not. A box only repeats what the words of its item say.
    """

    kind: ClassVar[str] = "bullets"

    items: tuple[Text, ...]
    numbered: bool = False
    ticked: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        assert len(self.ticked) in (0, len(self.items)), f"{len(self.ticked)} boxes for {len(self.items)} items"


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header; every row is as wide as the header."""

    kind: ClassVar[str] = "table"

    header: tuple[Text, ...]
    rows: tuple[tuple[Text, ...], ...]

    def __post_init__(self) -> None:
        widths = {len(row) for row in self.rows} - {len(self.header)}
        assert not widths, f"rows of {sorted(widths)} cells under a header of {len(self.header)}"


@dataclass(frozen=True)
class Excerpt:
    """Lines quoted from a file or a stream.

    ``line`` is the line that matters and ``first`` the one that the quotation begins with; both are 0 where not known.
    """

    kind: ClassVar[str] = "excerpt"

    code: str
    file: str = ""
    line: int = 0
    first: int = 0
    function: str = ""
    language: str = "python"

    @property
    def place(self) -> Text:
        """File, line and function, as far as they are known."""
        if not self.file:
            return ()
        where = Code(f"{self.file}:{self.line}" if self.line else self.file)
        return (where, " in ", Code(self.function)) if self.function else (where,)

    @property
    def marked(self) -> int:
        """Position of the line that matters among several quoted ones, from 0; -1 where there is none to point out."""
        position = self.line - self.first
        lines = self.code.count("\n") + 1
        return position if self.first and lines > 1 and 0 <= position < lines else -1


@dataclass(frozen=True)
class Side:
    """What one program shows: its name, what was observed in it, and the lines that did it."""

    program: Text
    observed: Text
    excerpts: tuple[Excerpt, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """The same observation in both programs, side by side."""

    kind: ClassVar[str] = "evidence"

    reference: Side
    candidate: Side


@dataclass(frozen=True)
class Figure:
    """A picture in a file beside the report, and what is to be seen in it."""

    kind: ClassVar[str] = "figure"

    file: str
    caption: Text


Block: TypeAlias = Paragraph | Bullets | Table | Excerpt | Evidence | Figure


@dataclass(frozen=True)
class Section:
    """A heading, what stands under it, and its subsections. Renderers number sections."""

    heading: Text
    blocks: tuple[Block, ...] = ()
    sections: tuple["Section", ...] = ()


@dataclass(frozen=True)
class Document:
    """A whole report."""

    title: Text
    sections: tuple[Section, ...]


def plain(text: Text) -> str:
    """``text`` without any formatting."""
    parts = []
    for part in text:
        if isinstance(part, str):
            parts.append(part)
        else:
            parts.append(part.content if isinstance(part, Code) else plain(part.content))
    return "".join(parts)
