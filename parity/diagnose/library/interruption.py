"""Causes in what a program does when it is sent a signal: nothing, too little, or something else."""

import signal
from typing import Final

from parity.compare.measurement import Difference, Measurement
from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import at, expects, explained, first, measurements
from parity.diagnose.registry import Cause, rule
from parity.trace.channels import Phase

_NOTE: Final = "interrupted"
_ENDS: Final = ("exit_status", "exception", "updates")
_SAVED: Final = ("checkpoint_file", "checkpoint_kind", "checkpoint_tensor", "checkpoint_value", "checkpoint_moved")


@rule(
    "interrupt-unhandled",
    needs=("exit_status",),
    predicts="the end of the run, and all that the reference still does after the signal",
    advice="Install a handler for this signal that lets the update end, saves, and leaves the loop.",
)
def interrupt_unhandled(case: Case) -> Cause | None:
    """The signal itself ends the candidate, and not the reference."""
    told = _interrupted(case)
    status = first(case, "exit_status")
    if told is None or status is None or status.candidate != str(-_number(told[0])):
        return None
    return _cause(
        case,
        "interrupt-unhandled",
        f"{told[0]} kills the candidate",
        (evidence.line(status), evidence.both("updates made", *_updates(case))),
        "Whatever the reference does when it is told to stop, such as saving, does not happen.",
    )


@rule(
    "interrupt-ignored",
    needs=("updates",),
    predicts="the end of the run, and all that the candidate still does after the signal",
    advice="Look at the flag that the handler sets, and at where the loop reads it.",
)
def interrupt_ignored(case: Case) -> Cause | None:
    """The candidate goes on training after the signal that stops the reference."""
    told = _interrupted(case)
    ours, theirs = _updates(case)
    if told is None or theirs <= ours or not case.findings("updates"):
        return None
    return _cause(
        case,
        "interrupt-ignored",
        f"The candidate goes on for {evidence.plural(theirs - ours, 'update')} after {told[0]}",
        (evidence.both("updates made", ours, theirs), f"{told[0]} came with update {told[1]}"),
        "The program is killed once its time is up, without having saved.",
    )


@rule(
    "emergency-checkpoint-missing",
    needs=("checkpoint_file",),
    predicts="the file that is missing with all that it holds, and the end of the run",
    advice="Write an emergency checkpoint once the update is complete, before leaving the loop.",
)
def emergency_checkpoint_missing(case: Case) -> Cause | None:
    """The reference saves when it is interrupted, the candidate does not."""
    told = _interrupted(case)
    if told is None:
        return None
    lost = measurements(case, "checkpoint_file", differences={Difference.MISSING})
    lost = [one for one in lost if one.update >= told[1]]
    if not lost:
        return None
    files = list(dict.fromkeys(one.name for one in lost))
    since = min(one.moment for one in lost)
    return Cause(
        id="emergency-checkpoint-missing",
        title=f"The candidate saves nothing after {told[0]}",
        explains=explained(case, expects(*_SAVED, since=since, differences={Difference.MISSING}), expects(*_ENDS)),
        evidence=(f"{told[0]} came with update {told[1]}", f"the reference writes {evidence.listing(files)}"),
        consequence="All updates since the last regular checkpoint are lost at every interruption.",
    )


@rule(
    "interrupt-status",
    needs=("exit_status",),
    predicts="the end of the run",
    advice="Compare how the loop is left: by its end, by sys.exit, by an exception.",
)
def interrupt_status(case: Case) -> Cause | None:
    """The programs end with different statuses after the signal, though both have handled it."""
    told = _interrupted(case)
    status = first(case, "exit_status")
    if told is None or status is None:
        return None
    return Cause(
        id="interrupt-status",
        title=f"After {told[0]} the candidate ends with status {status.candidate}",
        explains=explained(case, expects(*_ENDS)),
        evidence=(evidence.line(status),),
        consequence="Schedulers restart jobs, or give them up, by this number.",
    )


def _cause(case: Case, identifier: str, title: str, lines: tuple[str, ...], consequence: str) -> Cause:
    ours, theirs = _updates(case)
    since = at(min(ours, theirs) - 1, Phase.EVAL)

    def alone(one: Measurement) -> bool:
        return one.moment >= since and one.difference is not Difference.VALUE

    return Cause(
        id=identifier,
        title=title,
        explains=explained(case, expects(*_ENDS), alone),
        evidence=lines,
        consequence=consequence,
    )


def _interrupted(case: Case) -> tuple[str, int] | None:
    """Name of the signal that both sides were sent, and the update in which."""
    for process in case.reference.processes:
        other = case.candidate.rank(process.rank)
        for note in process.notes if other is not None else ():
            if _NOTE in note and other is not None and any(_NOTE in one for one in other.notes):
                return str(note[_NOTE]), int(note["update"])
    return None


def _number(name: str) -> int:
    return int(signal.Signals[name])


def _updates(case: Case) -> tuple[int, int]:
    if case.sides is None:
        return 0, 0
    return case.sides[0].updates, case.sides[1].updates
