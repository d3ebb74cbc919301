"""Causes in the charts that a program draws of itself: missing ones, empty ones, other axes, other numbers."""

from collections.abc import Collection
from typing import Final

from parity.compare.measurement import Difference, Measurement
from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import VALUE, Prediction, expects, explained, measurements
from parity.diagnose.registry import Cause, rule
from parity.trace.channels import Phase

_SEPARATOR: Final = "::"
_BLANK: Final = "blank"
_CHANNELS: Final = ("chart", "chart_series")
_ENDS: Final = frozenset({"exit_status", "updates", "exception"})


@rule(
    "chart-blank",
    needs=("chart",),
    predicts="that whatever the reference shows on these charts is missing",
    advice="Save the figure that was drawn, before it is closed: pyplot makes a new one where there is none.",
)
def chart_blank(case: Case) -> Cause | None:
    """The candidate saves an empty figure where the reference saves a drawn one."""
    empty = [one for one in measurements(case, "chart", differences=VALUE) if one.candidate == _BLANK]
    files = {one.name for one in empty}
    if not empty:
        return None
    return Cause(
        id="chart-blank",
        title=f"The candidate saves {evidence.plural(len(files), 'chart')} with nothing on it",
        explains=explained(case, _of(files, {Difference.VALUE, Difference.MISSING})),
        evidence=evidence.lines(*empty),
        consequence="The training is the same; who looks at its charts sees nothing.",
    )


@rule(
    "chart-missing",
    needs=("chart",),
    predicts="that these charts are missing, with all that is on them, and that others are extra in their place",
    advice="Compare the interval of the charts, the number of points that they are drawn from, and their file names.",
)
def chart_missing(case: Case) -> Cause | None:
    """The candidate does not save charts that the reference saves, though it trains as long."""
    gone = [one for one in measurements(case, "chart", differences={Difference.MISSING}) if _is_file(one)]
    if not gone or case.findings(*_ENDS):
        return None
    new = [one for one in measurements(case, "chart", differences={Difference.EXTRA}) if _is_file(one)]
    files, others = {one.name for one in gone}, {one.name for one in new}
    return Cause(
        id="chart-missing",
        title=f"The candidate leaves out {evidence.plural(len(files), 'chart')}"
        + (f" and draws {len(others)} that the reference does not" if others else ""),
        # A chart that is drawn over and over holds another moment of the training.
        explains=explained(case, expects(*_CHANNELS)),
        evidence=(
            f"missing: {evidence.listing(sorted(files))}",
            *((f"extra: {evidence.listing(sorted(others))}",) if others else ()),
        ),
        consequence="The training is the same; it is seen less often, or under other names.",
    )


@rule(
    "chart-changed",
    needs=("chart",),
    predicts="the axes that it lists, and series that are missing, extra or other ones there",
    advice="Compare what is drawn at these axes: titles, labels, scales, legends, and the number of series.",
)
def chart_changed(case: Case) -> Cause | None:
    """Charts of the same names have other axes, or other series at them."""
    changed = [one for one in measurements(case, "chart", differences=VALUE) if one.candidate != _BLANK]
    if not changed or any(_is_file(one) for one in measurements(case, "chart", differences={Difference.MISSING})):
        return None
    files = {one.name.partition(_SEPARATOR)[0] for one in changed}
    return Cause(
        id="chart-changed",
        title=f"{evidence.plural(len(files), 'chart')} of the candidate "
        f"{'shows' if len(files) == 1 else 'show'} something else",
        explains=explained(case, _of(files, set(Difference))),
        evidence=evidence.lines(*changed),
        consequence="The training is the same; its charts cannot be laid side by side.",
    )


@rule(
    "chart-numbers",
    needs=("chart_series",),
    predicts="these series",
    advice="Compare what is computed between the measured value and the chart: averages and their windows, units, "
    "which points are left out, what text samples consist of.",
)
def chart_numbers(case: Case) -> Cause | None:
    """Charts show other numbers or texts, though the training is the same and the charts are made up alike."""
    other = measurements(case, "chart_series", differences=VALUE)
    trained = [
        one for one in case.judgement.gating if one.phase < Phase.CHECKPOINT and one.channel.name not in _CHANNELS
    ]
    if not other or case.findings("chart") or trained:
        return None
    return Cause(
        id="chart-numbers",
        title=f"The candidate draws other numbers in {len({one.name for one in other})} series",
        explains=explained(case, lambda one: one.channel.name == "chart_series" and one.difference is Difference.VALUE),
        evidence=("everything that trains is equal", *evidence.lines(*other)),
        consequence="The training is the same; what is said of it is not.",
    )


def _is_file(measurement: Measurement) -> bool:
    return _SEPARATOR not in measurement.name


def _of(files: Collection[str], differences: Collection[Difference]) -> Prediction:
    """Differences in whatever belongs to these charts."""
    return lambda one: (
        one.channel.name in _CHANNELS and one.difference in differences and one.name.partition(_SEPARATOR)[0] in files
    )
