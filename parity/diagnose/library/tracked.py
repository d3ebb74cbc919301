"""Causes in what is told to experiment trackers."""

from typing import Final

from parity.compare.measurement import Difference
from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import expects, explained, measurements
from parity.diagnose.registry import Cause, rule

_METRIC: Final = "metric"


@rule(
    "metrics-not-reported",
    needs=(_METRIC,),
    predicts="that these metrics are missing, and others that stand in their place extra",
    advice="Compare the dictionaries that are given to the tracker, key by key.",
)
def metrics_not_reported(case: Case) -> Cause | None:
    """Metrics that the reference reports are never reported by the candidate, which reports others."""
    if case.sides is None:
        return None
    known = {series.name for series in case.sides[1].channel(_METRIC)}
    lost = measurements(case, _METRIC, differences={Difference.MISSING})
    names = [one.name for one in lost if one.name not in known]
    if not known or not names or case.findings("exit_status"):
        return None
    instead = [one.name for one in measurements(case, _METRIC, differences={Difference.EXTRA})]
    return Cause(
        id="metrics-not-reported",
        title=f"The candidate never reports {evidence.listing(names)}",
        explains=explained(case, expects(_METRIC, differences={Difference.MISSING, Difference.EXTRA})),
        evidence=(
            evidence.line(min(lost, key=lambda one: one.moment)),
            f"reported by both sides: {evidence.plural(len(case.pairs(_METRIC)), 'metric')}",
            *((f"reported by the candidate alone: {evidence.listing(instead)}",) if instead else ()),
        ),
        consequence="Their curves end with the reference: dashboards and alarms that look for them find nothing.",
    )
