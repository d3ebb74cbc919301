"""Report text as HTML: escaped by whatever outputs it, with invisible characters written out."""

from collections.abc import Iterable
from functools import cache

from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape

from parity.report.document import Code, Excerpt, Inline, Strong
from parity.report.templating import escaping, visible_lines
from parity.report.wording import squeezed, visible


@cache
def environment() -> Environment:
    """The templates of the page."""
    made = escaping(PackageLoader("parity.report", "templates/html"), _inline)
    made.filters.update(lines=_lines)
    return made


def _inline(text: Iterable[Inline]) -> Markup:
    return Markup("").join(_part(part) for part in text)


def _part(part: Inline) -> Markup:
    if isinstance(part, Code):
        return Markup("<code>{}</code>").format(visible(part.content)) if part.content else Markup("(empty)")
    if isinstance(part, Strong):
        return Markup("<strong>{}</strong>").format(_inline(part.content)) if part.content else Markup("")
    return escape(visible(squeezed(part)))


def _lines(excerpt: Excerpt) -> list[tuple[int, Markup, bool]]:
    """The lines of ``excerpt``: the number, 0 where it is not known, the text, and whether it is what matters."""
    found = [escape(line) for line in visible_lines(excerpt)]
    return [(excerpt.first + at if excerpt.first else 0, line, at == excerpt.marked) for at, line in enumerate(found)]
