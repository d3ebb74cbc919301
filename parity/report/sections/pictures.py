"""Charts of what differs, as pictures in files beside the report."""

from collections.abc import Sequence
from typing import Final

from parity.report.charts.figures import FOLDER, Chart
from parity.report.document import Code, Figure, Paragraph, Section, Text
from parity.report.wording import named

_LEAD: Final = (
    "Reference (solid) and candidate (dashed) over each other, below them the size of their difference. Where the "
    "noise floor was measured, ten times its height is shaded."
)


def pictures(charts: Sequence[Chart]) -> Section | None:
    """One picture for each of ``charts``; None where there are none."""
    if not charts:
        return None
    several = len({one.scenario for one in charts}) > 1
    figures = tuple(Figure(f"{FOLDER}/{one.stem}.svg", _caption(one, several=several)) for one in charts)
    return Section(("Charts",), (Paragraph((_LEAD,)), *figures))


def _caption(one: Chart, *, several: bool) -> Text:
    track = one.curve.track
    rank = f", rank {track.rank}" if track.rank else ""
    scenario: Text = (", scenario ", Code(one.scenario)) if several else ()
    return track.channel.title, " (", Code(track.channel.name), ")", *named(track.channel, track.name), rank, *scenario
