"""Which charts stand beside a report, what their files are called, and how the report refers to them."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from parity.diagnose.outcome import Outcome
from parity.report.charts.svg import draw
from parity.report.curves import Curve, curves
from parity.report.tracks import Standing, tracks

FOLDER: Final = "report-charts"
_MOST: Final = 6
_LONGEST: Final = 40
_SHOWN: Final = (Standing.DIFFERENT, Standing.EQUIVALENT)


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart to be drawn: the scenario, the curve, and its file's name without the ending."""

    scenario: str
    curve: Curve
    stem: str


def charts(outcomes: Sequence[Outcome]) -> list[Chart]:
    """The charts of everything that differs, or would but for noise, and has numbers; a few for each scenario."""
    return [chart for outcome in outcomes for chart in _charts(outcome)]


def _charts(outcome: Outcome) -> Iterator[Chart]:
    judgement = outcome.judgement
    if judgement is None:
        return
    among = [track for track in tracks(judgement) if track.standing in _SHOWN]
    for curve in curves(judgement, among, _MOST)[0]:
        yield Chart(scenario=outcome.scenario, curve=curve, stem=_stem(outcome.scenario, curve))


def _stem(scenario: str, curve: Curve) -> str:
    """A name that any file system takes, and that no other curve of the scenario has."""
    readable = re.sub(r"[^a-z0-9]+", "-", f"{scenario}-{curve.title}".lower()).strip("-")[:_LONGEST].rstrip("-")
    identity = repr((scenario, curve.track.channel.name, curve.track.name, curve.track.rank))
    return f"{readable}-{hashlib.blake2b(identity.encode('utf-8', 'surrogatepass'), digest_size=4).hexdigest()}"


def svg_files(found: Sequence[Chart]) -> Mapping[str, str]:
    """Text of every chart by the name of its file."""
    return {f"{one.stem}.svg": draw(one.curve) for one in found}


def png_files(found: Sequence[Chart]) -> Mapping[str, bytes]:
    """Pixels of every chart by the name of its file, for what shows no SVG.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    from parity.report.charts.png import paint

    return {f"{one.stem}.png": paint(one.curve) for one in found}
