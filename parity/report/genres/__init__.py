"""The genres of reports: each is a function from what a report is about to a document."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from parity.report.charts.figures import charts
from parity.report.discrepancy import discrepancy_report
from parity.report.document import Document
from parity.report.genres.comparison import comparison_summary
from parity.report.genres.integration import integration_summary
from parity.report.genres.matrix import feature_matrix
from parity.report.genres.status import status_report
from parity.report.subject import Subject, all_outcomes

Genre = Callable[[Sequence[Subject]], Document]


def _discrepancy(subjects: Sequence[Subject]) -> Document:
    outcomes = all_outcomes(subjects)
    return discrepancy_report(outcomes, charts(outcomes))


GENRES: Final[Mapping[str, Genre]] = {
    "discrepancy": _discrepancy,
    "status": status_report,
    "comparison": comparison_summary,
    "features": feature_matrix,
    "integration": integration_summary,
}
