"""Writing reports of any genre in any format."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from parity.report.formats import FORMATS, Rendering
from parity.report.genres import GENRES
from parity.report.subject import Subject


def write_report(
    subjects: Sequence[Subject], directory: Path, *, genre: str, formats: Sequence[str], templates: Path | None
) -> dict[str, Path]:
    """Write one report about ``subjects`` into ``directory``; return the paths of its files by their names."""
    rendering = Rendering(genre=genre, document=GENRES[genre](subjects), subjects=tuple(subjects), templates=templates)
    directory.mkdir(parents=True, exist_ok=True)
    written = {}
    for name in formats:
        for file, content in FORMATS[name](rendering).items():
            path = written[file] = directory / file
            path.parent.mkdir(exist_ok=True)
            raw = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
            path.write_bytes(raw)
    return written


def append_summary(summary: Path, environment: Mapping[str, str]) -> None:
    """Show ``summary`` beside a run of GitHub, where this is one."""
    target = environment.get("GITHUB_STEP_SUMMARY")
    if target:
        with Path(target).open("a", encoding="utf-8") as file:
            file.write(summary.read_text(encoding="utf-8"))
