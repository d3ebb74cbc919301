"""Puts the page together: one file that holds its style, its scripts, its data and the whole report."""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Final

from markupsafe import Markup

from parity.diagnose.outcome import Outcome
from parity.report.discrepancy import discrepancy_report
from parity.report.document import Document, plain
from parity.report.facts import overall
from parity.report.html.data import Room
from parity.report.html.numbers import embedded
from parity.report.html.prose import environment
from parity.report.html.scenario import view

_STYLES: Final = ("colours", "page", "timeline", "charts", "print")
_SCRIPTS: Final = (
    *("elements", "theme", "timeline", "axes", "chart", "strip", "cursor", "charts"),
    *("tables", "scenarios", "keyboard", "start"),
)
_POINTS: Final = 22_000
_ROWS: Final = 3_000


def render_html(outcomes: Sequence[Outcome]) -> str:
    """Render the report of one pair; the same outcomes always give the same page."""
    room = Room(points=_POINTS // max(1, len(outcomes)), rows=_ROWS // max(1, len(outcomes)))
    views = [view(outcome, room) for outcome in outcomes]
    gravest = overall(one.verdict for one in views)
    document = discrepancy_report(outcomes)
    style, script = _joined(_STYLES, "css"), _joined(_SCRIPTS, "js")
    page = environment().get_template("page.html.j2")
    return page.render(
        title=plain(document.title),
        verdict=gravest,
        views=views,
        chosen=next((at for at, one in enumerate(views) if one.verdict is gravest), 0),
        document=document,
        data=Markup(embedded([one.data for one in views])),
        style=Markup(style),
        script=Markup(script),
        policy=f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'",
    )


def render_text(document: Document) -> str:
    """Render a document of any genre, without scripts; the same document always gives the same page."""
    style = _joined(_STYLES, "css")
    page = environment().get_template("text.html.j2")
    return page.render(
        title=plain(document.title),
        document=document,
        style=Markup(style),
        policy=f"default-src 'none'; style-src '{_hash(style)}'; base-uri 'none'; form-action 'none'",
    )


@cache
def _joined(names: tuple[str, ...], kind: str) -> str:
    folder = files("parity.report") / "templates" / "html"
    texts = [(folder / f"{name}.{kind}").read_text(encoding="utf-8") for name in names]
    return "\n".join(texts) if kind == "css" else "\n".join(['"use strict";', "(() => {", *texts, "})();"])


@cache
def _hash(text: str) -> str:
    """The digest by which a browser knows that a part of the page was meant to be in it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}"
