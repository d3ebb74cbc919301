"""Report text as HTML: escaped by whatever outputs it, with invisible characters written out."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Undefined
from markupsafe import Markup, escape

from parity.report.document import Code, Excerpt, Inline, Strong
from parity.report.wording import squeezed, visible

_TAB: Final = 4


@cache
def environment() -> Environment:
    """The templates. Whatever one outputs passes through ``finalize``, so that none can forget to escape."""
    made = Environment(
        loader=PackageLoader("parity.report", "templates/html"),
        autoescape=True,
        finalize=_escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters.update(lines=_lines)
    return made


def _escaped(output: object) -> Markup:
    if isinstance(output, Markup):
        return output
    if isinstance(output, Undefined):
        str(output)
    return _inline(output if isinstance(output, tuple) else (str(output),))


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
    found = [escape(visible(line.expandtabs(_TAB))) for line in re.split(r"\r\n|\r|\n", excerpt.code)]
    return [(excerpt.first + at if excerpt.first else 0, line, at == excerpt.marked) for at, line in enumerate(found)]
