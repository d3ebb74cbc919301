"""Formats of a report: each makes files of a document and of what it is about. A new format is one entry."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from parity.report.charts.figures import FOLDER, Chart, charts, png_files, svg_files
from parity.report.ci.issues import Issue, issues
from parity.report.ci.junit import junit
from parity.report.ci.sarif import sarif
from parity.report.ci.summary import comment, step_summary
from parity.report.ci.workflow import annotations
from parity.report.document import Document, plain
from parity.report.document_json import section_json
from parity.report.html.page import render_html, render_text
from parity.report.machine import SCHEMA, result_json, to_json
from parity.report.markdown import render_markdown
from parity.report.subject import Subject, all_outcomes

ANNOTATIONS: Final = "annotations.txt"
SUMMARY: Final = "summary.md"
DISCREPANCY: Final = "discrepancy"
_STEMS: Final = {DISCREPANCY: "report"}


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """A report before it has a format: its genre, its document, and what it is about.

    ``templates`` is the directory of a house's own templates, or None.
    """

    genre: str
    document: Document
    subjects: tuple[Subject, ...]
    templates: Path | None = None

    @property
    def stem(self) -> str:
        """Name of its files, without the ending."""
        return _STEMS.get(self.genre, self.genre)

    def markdown(self, document: Document) -> str:
        """``document`` by the templates of this rendering."""
        return render_markdown(document, self.templates)

    @property
    def charts(self) -> Sequence[Chart]:
        """The charts that the document refers to: those of what differs, in a report about that."""
        return charts(all_outcomes(self.subjects)) if self.genre == DISCREPANCY else ()


Files = Mapping[str, str | bytes]
"""Contents of files by their names, which may begin with the name of a folder."""
Format = Callable[[Rendering], Files]


def _markdown(one: Rendering) -> Files:
    drawn = {f"{FOLDER}/{name}": text for name, text in svg_files(one.charts).items()}
    return {f"{one.stem}.md": one.markdown(one.document), **drawn}


def _html(one: Rendering) -> Files:
    outcomes = all_outcomes(one.subjects)
    page = render_html(outcomes) if one.genre == DISCREPANCY else render_text(one.document)
    return {f"{one.stem}.html": page}


def _png(one: Rendering) -> Files:
    return {f"{FOLDER}/{name}": pixels for name, pixels in png_files(one.charts).items()}


def _json(one: Rendering) -> Files:
    content = {
        "schema": SCHEMA,
        "genre": one.genre,
        "title": plain(one.document.title),
        "sections": [section_json(section) for section in one.document.sections],
        "results": [result_json(outcome) for outcome in all_outcomes(one.subjects)],
    }
    return {f"{one.stem}.json": to_json(content)}


def _junit(one: Rendering) -> Files:
    return {"junit.xml": junit(all_outcomes(one.subjects))}


def _sarif(one: Rendering) -> Files:
    return {"parity.sarif": sarif(_issues(one.subjects))}


def _github(one: Rendering) -> Files:
    pairs = {subject.pair: subject.outcomes for subject in one.subjects}
    return {
        SUMMARY: step_summary(one.document, one.markdown),
        "comment.md": comment(pairs, one.markdown),
        ANNOTATIONS: annotations(_issues(one.subjects)),
    }


def _issues(subjects: Sequence[Subject]) -> tuple[Issue, ...]:
    return tuple(issue for subject in subjects for issue in issues(subject.pair, subject.outcomes))


FORMATS: Final[Mapping[str, Format]] = {
    "md": _markdown,
    "html": _html,
    "png": _png,
    "json": _json,
    "junit": _junit,
    "sarif": _sarif,
    "github": _github,
}
