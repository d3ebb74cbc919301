"""Causes in the files of numbers that a run leaves."""

from typing import Final

from parity.compare.measurement import Difference
from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import expects, explained, measurements
from parity.diagnose.registry import Cause, rule

_ENDS: Final = ("exit_status", "exception", "updates")
_MISSING: Final = frozenset({Difference.MISSING})


@rule(
    "table-file-missing",
    needs=("table_file",),
    predicts="that these files are missing",
    advice="Compare what is written along the way and at the end, under which names, and on which rank.",
)
def table_file_missing(case: Case) -> Cause | None:
    """The candidate ends like the reference, and does not leave a file of numbers that the reference leaves."""
    gone = measurements(case, "table_file", differences=_MISSING)
    if not gone or case.findings(*_ENDS):
        return None
    names = sorted({one.name for one in gone})
    return Cause(
        id="table-file-missing",
        title=f"The candidate never writes {evidence.listing(names)}",
        explains=explained(case, expects("table_file", differences=_MISSING)),
        evidence=evidence.lines(*gone),
        consequence="The training is the same; whatever reads these numbers afterwards finds none, or old ones.",
    )
