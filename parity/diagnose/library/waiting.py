"""Causes in ranks that wait for one another, or do not: collectives that never meet, files that are not there yet."""

import re
from pathlib import PurePath
from typing import Final

from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.lifecycle import completed, cut, failed
from parity.diagnose.library.reach import expects, explained, measurements
from parity.diagnose.registry import Cause, rule
from parity.trace.model import Trace

_DEADLOCK: Final = "parity: deadlock: "
_RANK: Final = re.compile(r"rank \d+: ")
_ABSENT: Final = re.compile(r"^FileNotFoundError: .*: '(.+)'$")


@rule(
    "ranks-deadlock",
    needs=("exit_status",),
    predicts="that everything behind that point is missing",
    advice="Every rank has to issue the same collectives in the same order: look for a condition on the rank, on what"
    " only one rank knows, or on a number of batches that differs between ranks.",
)
def ranks_deadlock(case: Case) -> Cause | None:
    """The candidate's ranks wait for one another for ever, as who watched them has seen."""
    status = failed(case)
    last = str(case.candidate.manifest.get("last_error_line") or "")
    if status is None or not last.startswith(_DEADLOCK):
        return None
    said = str(case.candidate.manifest.get("traceback") or "").splitlines()
    return Cause(
        id="ranks-deadlock",
        title="The candidate's ranks wait for one another for ever",
        explains=_ending(case),
        evidence=(last.removeprefix("parity: "), *(line for line in said if _RANK.match(line))),
        consequence="The training never ends, and holds all its ranks until somebody ends it.",
    )


@rule(
    "read-before-written",
    needs=("exception", "file_written"),
    predicts="that everything behind that point is missing",
    advice="Put a barrier between what one rank writes and what the others read.",
)
def read_before_written(case: Case) -> Cause | None:
    """A rank of the candidate misses a file that another rank writes in the reference."""
    if failed(case) is None:
        return None
    for one in measurements(case, "exception"):
        absent = _ABSENT.match(str(one.candidate))
        writers = _writers(case.reference, absent[1]) if absent else set()
        if absent and writers and one.rank not in writers:
            writer = min(writers)
            return Cause(
                id="read-before-written",
                title=f"Rank {one.rank} of the candidate reads a file that rank {writer} has not written yet",
                explains=_ending(case),
                evidence=(
                    evidence.line(one),
                    f"in the reference rank {writer} writes {absent[1]}, and the others wait",
                ),
                consequence="It depends on the speed of the ranks whether the training begins at all.",
            )
    return None


def _ending(case: Case) -> tuple[str, ...]:
    return explained(case, *cut(completed(case)[1]), expects("world_size"))


def _writers(trace: Trace, file: str) -> set[int]:
    """Ranks that write a file of that name."""
    return {
        process.rank
        for process in trace.processes
        for series in process.channel("file_written")
        if PurePath(series.name).name == PurePath(file).name
    }
