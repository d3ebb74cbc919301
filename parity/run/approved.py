"""Approved reports: what a reviewer has read and agreed to, and how today's report differs from it."""

import difflib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from parity.errors import TraceMissingError
from parity.run.results import REPORT

APPROVED: Final = Path("reports/approved")


def approve(pair: str, results: Path, approved: Path) -> Path:
    """Copy the report of ``pair`` from ``results`` to the ``approved`` ones; return its new place.

    Raises:
        TraceMissingError: there is no such report.
    """
    report = results / pair / REPORT
    if not report.is_file():
        message = f"there is no {report} to approve; make it with: parity run {pair}"
        raise TraceMissingError(message)
    place = approved / pair / REPORT
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(report, place)
    return place


def changes(pair: str, results: Path, approved: Path) -> Iterator[str]:
    """The lines of a unified diff from the approved report of ``pair`` to the one in ``results``; none where equal.

    Where none is approved, one line says so.
    """
    before, after = approved / pair / REPORT, results / pair / REPORT
    if not before.is_file():
        yield f"no report of {pair} is approved; approve this one with: parity approve {pair}"
        return
    ours, theirs = (path.read_text(encoding="utf-8").splitlines() for path in (before, after))
    yield from difflib.unified_diff(ours, theirs, fromfile=before.as_posix(), tofile=after.as_posix(), lineterm="")
