"""Where the results of a pair go: one report, and one machine-readable result for each scenario."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from parity.compare.tolerance import Tolerance
from parity.diagnose.outcome import Outcome
from parity.errors import TraceMissingError
from parity.gate import RESULT
from parity.report.charts.figures import FOLDER, charts, svg_files
from parity.report.discrepancy import discrepancy_report
from parity.report.house import TEMPLATES
from parity.report.html.page import render_html
from parity.report.machine import result_json, to_json
from parity.report.markdown import render_markdown
from parity.run.plan import TRACE, Side
from parity.run.stored import judge_all_stored

REPORT: Final = "report.md"
PAGE: Final = "report.html"


def write_results(outcomes: Sequence[Outcome], base: Path) -> Path:
    """Write the report of one pair and the result of each of its scenarios under ``base``; return the report's path."""
    base.mkdir(parents=True, exist_ok=True)
    for outcome in outcomes:
        place = base / outcome.scenario
        place.mkdir(exist_ok=True)
        (place / RESULT).write_text(to_json(result_json(outcome)), encoding="utf-8")
    found = charts(outcomes)
    _write_charts(svg_files(found), base / FOLDER)
    report = base / REPORT
    report.write_text(render_markdown(discrepancy_report(outcomes, found), TEMPLATES), encoding="utf-8")
    (base / PAGE).write_text(render_html(outcomes), encoding="utf-8")
    return report


def _write_charts(files: Mapping[str, str], folder: Path) -> None:
    """Leave exactly ``files`` in ``folder``, which is not there without any: an earlier report's would mislead."""
    for stale in folder.glob("*.svg"):
        stale.unlink()
    if files:
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    elif folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def judge_stored(base: Path, tolerances: Sequence[Tolerance] = ()) -> list[Outcome]:
    """Judge again, with ``tolerances``, the traces that an earlier session left under the pair's directory ``base``.

    Raises:
        TraceMissingError: there is none.
    """
    scenarios = sorted(place.parent for place in base.glob(f"*/{Side.REFERENCE}") if (place / TRACE).is_dir())
    if not scenarios:
        message = f"{base} holds no recorded scenarios; expected the directory of a pair, such as reports/out/PAIR"
        raise TraceMissingError(message)
    return judge_all_stored(base.resolve().name, scenarios, tolerances)
