"""Markdown as GitHub and CommonMark read it, escaped so that quoted text shows up exactly as it is."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment
from markupsafe import Markup

from parity.report.document import Code, Document, Excerpt, Inline, Strong, Text
from parity.report.house import house_first
from parity.report.templating import escaping, visible_lines
from parity.report.wording import squeezed, visible

_TEMPLATE: Final = "document.md.j2"
_SPECIAL: Final = re.compile(r"[\\`*\[\]~$#]")
_UNDERSCORES: Final = re.compile(r"_+")
_OPENING: Final = re.compile(r"^(\d{1,9}(?=[.)](?:\s|$))|(?=[-+=]))")
_ENTITIES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def render_markdown(document: Document, templates: Path | None = None) -> str:
    """Render ``document``; the same document always gives the same bytes.

    A template in the directory ``templates`` is used instead of the one of that name that is shipped.
    """
    # A relative directory is another one as soon as the working directory is.
    template = _environment(templates and templates.resolve()).get_template(_TEMPLATE)
    return template.render(document=document).strip("\n") + "\n"


@cache
def _environment(templates: Path | None = None) -> Environment:
    environment = escaping(house_first(templates), _inline)
    environment.filters.update(box=_box, cell=_cell, fence=_fence, hashes=_hashes, marker=_marker)
    return environment


def _inline(text: Iterable[Inline]) -> Markup:
    """Render text on one line."""
    return Markup(_OPENING.sub(r"\1\\", _joined(text)))


def _joined(text: Iterable[Inline]) -> str:
    parts: list[str] = []
    before: Inline = ""
    for part in text:
        # Two code spans without anything in between would be read as one.
        parts += [" " if isinstance(before, Code) and isinstance(part, Code) else "", _part(part)]
        before = part
    return "".join(parts).strip()


def _part(part: Inline) -> str:
    if isinstance(part, Code):
        return _code(part.content)
    if isinstance(part, Strong):
        content = _joined(part.content)
        return f"**{content}**" if content else ""
    return _literal(part)


def _literal(text: str) -> str:
    """Escape running text; underscores inside words are no markup and stay readable."""
    text = _SPECIAL.sub(r"\\\g<0>", visible(squeezed(text))).translate(_ENTITIES)

    def underscores(match: re.Match[str]) -> str:
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        inside = before.isalnum() and after.isalnum()
        return match.group() if inside else match.group().replace("_", r"\_")

    return _UNDERSCORES.sub(underscores, text)


def _code(content: str) -> str:
    """Quote text in a code span whose fence is longer than any run of backticks inside."""
    content = visible(content)
    if not content:
        return "(empty)"
    fence = "`" * (_longest_run(content) + 1)
    blank = content.strip(" ") == ""
    padded = not blank and (content[0] in "` " or content[-1] in "` ")
    return f"{fence} {content} {fence}" if padded else f"{fence}{content}{fence}"


def _cell(text: Text) -> Markup:
    """Render text in a table, where a pipe would end the cell even inside a code span."""
    return Markup(_inline(text).replace("|", r"\|"))


def _fence(excerpt: Excerpt) -> Markup:
    lines = visible_lines(excerpt)
    if excerpt.marked >= 0:
        lines[excerpt.marked] += f"  # <- line {excerpt.line}"
    fence = "`" * max(3, _longest_run(excerpt.code) + 1)
    return Markup("\n".join([f"{fence}{excerpt.language}", *lines, fence]))


def _hashes(depth: int) -> Markup:
    return Markup("#" * min(depth, 6))


def _marker(position: int, numbered: bool) -> Markup:  # noqa: FBT001
    return Markup((f"{position}." if numbered else "-").ljust(4))


def _box(ticked: bool) -> Markup:  # noqa: FBT001
    return Markup("[x] " if ticked else "[ ] ")


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
