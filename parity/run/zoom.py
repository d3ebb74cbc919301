"""The close-up pass: where the forward or the backward of one update parts, both sides run once more up to it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from parity.compare.measurement import Measurement
from parity.compare.zoom import compare_closeups, nothing_seen
from parity.compare.zoom_model import Zoom
from parity.diagnose.library import RULES
from parity.diagnose.outcome import Outcome
from parity.diagnose.parting import parting
from parity.diagnose.registry import diagnose
from parity.errors import ParityError
from parity.findings.model import Finding, Judgement
from parity.record.launch import Recording
from parity.run.plan import Scenario, Side
from parity.trace.channels import Carries, Phase
from parity.trace.model import Trace
from parity.trace.zoom import SUFFIX, Closeup, read_closeup

PLACE: Final = "zoom"
"""Directory of the close-up's runs, in that of the scenario."""
_ATTACHMENT: Final = "zoom"
_STARTING: Final = frozenset({"parameter_initial", "parameter_kind"})
COMPUTING: Final = frozenset({Phase.FORWARD, Phase.LOSS, Phase.BACKWARD})

_SIDES: Final = (Side.REFERENCE, Side.CANDIDATE)
RunSide = Callable[[Scenario, Side], Trace]


@dataclass(frozen=True, kw_only=True)
class Focus:
    """What a close-up is taken of: one update of one rank, and one micro-step of it or all where it is not known."""

    update: int
    micro_step: int | None
    rank: int

    def recording(self, recording: Recording) -> Recording:
        """``recording``, ended after the update and with the close-up attached."""
        options = {"update": self.update, "micro_step": self.micro_step}
        attachments = {**recording.attachments, _ATTACHMENT: options}
        return replace(recording, updates=self.update + 1, sketch="off", attachments=attachments)


def zoom_in(outcome: Outcome, scenario: Scenario, run_side: RunSide) -> Outcome:
    """Add a close-up of the first divergence to ``outcome``, and what it tells about the cause.

    ``outcome`` itself where the scenario wants none, or the divergence is nothing that a close-up could show. Where a
    side cannot be run again, the close-up says so, and the outcome stands as it was.
    """
    judgement = outcome.judgement
    focus = find_focus(judgement) if judgement is not None and scenario.zooms else None
    if focus is None or judgement is None:
        return outcome
    again = replace(
        scenario, name=f"{scenario.name}/{PLACE}", recording=focus.recording(scenario.recording), zooms=False
    )
    try:
        reference, candidate = (closeup(run_side(again, side).directory, focus) for side in _SIDES)
    except ParityError as error:
        return replace(outcome, zoom=nothing_seen(focus.update, f"{error.slug}: {error}"))
    return _with_zoom(outcome, judgement, compare_closeups(reference, candidate, update=focus.update))


def stored_zoom(outcome: Outcome, place: Path, trace: str) -> Outcome:
    """Add the close-up that an earlier session left in the scenario's directory ``place``, if it did.

    ``trace`` is the name of the directory of a side's trace.
    """
    judgement = outcome.judgement
    focus = find_focus(judgement) if judgement is not None and (place / PLACE).is_dir() else None
    if focus is None or judgement is None:
        return outcome
    reference, candidate = (closeup(place / PLACE / side / trace, focus) for side in _SIDES)
    return _with_zoom(outcome, judgement, compare_closeups(reference, candidate, update=focus.update))


def find_focus(judgement: Judgement) -> Focus | None:
    """What to look at: where the training parts, if that is in parameters, in the forward, the loss or the backward."""
    finding = parting(judgement)
    return None if finding is None else focus_on(judgement, finding)


def focus_on(judgement: Judgement, finding: Finding) -> Focus | None:
    """Where to look at ``finding``, if a close-up could show it."""
    first = finding.first
    if first.channel.name in _STARTING and _are_few(judgement, finding):
        return Focus(update=0, micro_step=0, rank=first.rank)
    if finding.phase not in COMPUTING or first.channel.carries is not Carries.VALUES:
        return None
    if first.reference is None or first.candidate is None:
        return None
    return Focus(update=first.update, micro_step=_micro_step(judgement, first), rank=first.rank)


def _are_few(judgement: Judgement, finding: Finding) -> bool:
    """Whether most parameters begin equal: another seed changes nearly all of them, and there is nothing to look at."""
    process = judgement.comparison.reference.rank(finding.first.rank)
    total = 0 if process is None else sum(1 for _ in process.channel("parameter_initial"))
    return 2 * len(finding.names) <= total


def closeup(trace: Path, focus: Focus) -> Closeup | None:
    """The close-up of the update and rank in question in the directory of a trace, or None."""
    found = (read_closeup(path) for path in sorted(trace.glob(f"*{SUFFIX}")))
    place = focus.update, focus.rank
    return next((one for one in found if one is not None and (one.update, one.rank) == place), None)


def _micro_step(judgement: Judgement, first: Measurement) -> int | None:
    """The micro-step of a value, if there is one such value in each micro-step."""
    process = judgement.comparison.reference.rank(first.rank)
    series = None if process is None else process.get(first.channel.name, first.name)
    counted = None if process is None else process.get("micro_steps")
    if series is None or counted is None or first.phase is Phase.BACKWARD:
        return None
    steps = counted.at(first.update)
    return first.ordinal if len(steps) and len(series.at(first.update)) == int(steps[0]) else None


def _with_zoom(outcome: Outcome, judgement: Judgement, zoom: Zoom) -> Outcome:
    return replace(outcome, zoom=zoom, diagnosis=diagnose(judgement, RULES, zoom))
