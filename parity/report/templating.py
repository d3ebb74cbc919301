"""Templates that cannot forget to escape, and the lines of an excerpt as every format shows them."""

import re
from collections.abc import Callable
from typing import Final

from jinja2 import BaseLoader, Environment, StrictUndefined, Undefined
from markupsafe import Markup

from parity.report.document import Excerpt, Text
from parity.report.wording import visible

_TAB: Final = 4
_LINE_END: Final = re.compile(r"\r\n|\r|\n")


def escaping(loader: BaseLoader, inline: Callable[[Text], Markup]) -> Environment:
    """The templates of ``loader``, in which ``inline`` escapes all that is output and is no markup already."""

    def escaped(output: object) -> Markup:
        if isinstance(output, Markup):
            return output
        if isinstance(output, Undefined):
            str(output)  # What StrictUndefined raises on; finalize would take it for a text.
        return inline(output if isinstance(output, tuple) else (str(output),))

    return Environment(
        loader=loader,
        autoescape=True,
        finalize=escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )


def visible_lines(excerpt: Excerpt) -> list[str]:
    """The lines of ``excerpt`` without tabs, and with what cannot be seen written out."""
    return [visible(line.expandtabs(_TAB)) for line in _LINE_END.split(excerpt.code)]
