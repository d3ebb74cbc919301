"""Inside the forwards, losses and backwards that differ by themselves: which operations, and which of the modules."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from parity.align.modules import align_modules
from parity.align.names import Alignment
from parity.compare.modules import ModuleVerdict, judge_modules
from parity.compare.zoom import compare_closeups, nothing_seen
from parity.compare.zoom_model import Zoom
from parity.errors import ParityError
from parity.findings.model import Judgement
from parity.run.zoom import COMPUTING, Focus, closeup, find_focus, focus_on
from parity.trace.channels import Phase
from parity.trace.model import Trace

_FREE: Final = "free"
_MODULES: Final = "modules"
INSIDE: Final = (_FREE, *(f"{_FREE}-{phase.name.lower()}" for phase in sorted(COMPUTING)), _MODULES)
"""What both programs are made to do at one update, and the directories of that: gradients are left alone, to be looked
at, at the first place and, by their phase, at others; or every module of a forward is followed."""
Again = Callable[[str, Focus, Mapping[str, object]], tuple[Trace, Trace] | None]
"""Runs both once more, one of ``INSIDE`` with its options at a place; None where that cannot be had."""


@dataclass(frozen=True, kw_only=True)
class Inside:
    """A close-up of each phase that differs by itself, in causal order, and a verdict on each module of a forward."""

    closeups: Mapping[Phase, Zoom]
    modules: tuple[ModuleVerdict, ...] = ()


def look_inside(judgement: Judgement, plain: Judgement, zoom: Zoom | None, again: Again) -> Inside:
    """Look closely at the first forward, the first loss and the first backward that differ by themselves.

    One run shows all that lies in one update. ``zoom``, that of the plain pass, serves where it is of the same place.
    """
    wanted = dict(_wanted(judgement))
    found = _Closeups(again)
    first = next(iter(wanted.values()), None)
    for phase, focus in wanted.items():
        if focus is first and zoom is not None and find_focus(plain) == focus:
            found.closeups[phase] = zoom
    modules: tuple[ModuleVerdict, ...] = ()
    try:
        found.take({phase: focus for phase, focus in wanted.items() if phase not in found.closeups})
        if Phase.FORWARD in wanted:
            modules = _modules(wanted[Phase.FORWARD], plain.comparison.alignment, again)
    except ParityError as error:
        for phase, focus in wanted.items():
            found.closeups.setdefault(phase, nothing_seen(focus.update, f"{error.slug}: {error}"))
    return Inside(closeups=dict(sorted(found.closeups.items())), modules=modules)


def _wanted(judgement: Judgement) -> Iterator[tuple[Phase, Focus]]:
    """The first place of each phase at which a close-up could show something, in the order of the findings."""
    seen: set[Phase] = set()
    for finding in judgement.gating:
        focus = focus_on(judgement, finding) if finding.phase in COMPUTING - seen else None
        if focus is not None:
            seen.add(finding.phase)
            yield finding.phase, focus


class _Closeups:
    """Close-ups by phase, taken in as few runs as there are updates to look at."""

    def __init__(self, again: Again) -> None:
        self.closeups: dict[Phase, Zoom] = {}
        self._again = again

    def take(self, wanted: Mapping[Phase, Focus]) -> None:
        """Run both programs once for each place in ``wanted``."""
        places: dict[tuple[int, int], list[Phase]] = {}
        for phase, focus in wanted.items():
            places.setdefault((focus.update, focus.rank), []).append(phase)
        for number, phases in enumerate(places.values()):
            name = f"{_FREE}-{phases[0].name.lower()}" if number else _FREE
            self._take(name, phases, _covering([wanted[phase] for phase in phases]))

    def _take(self, name: str, phases: list[Phase], focus: Focus) -> None:
        traces = self._again(name, focus, {_FREE: focus.update})
        if traces is None:
            return
        reference, candidate = (closeup(one.directory, focus) for one in traces)
        for phase in phases:
            self.closeups[phase] = compare_closeups(reference, candidate, update=focus.update, phase=phase)


def _covering(places: list[Focus]) -> Focus:
    """One focus for several of the same update: every micro-step, unless all are of the same one."""
    steps = {one.micro_step for one in places}
    return places[0] if len(steps) == 1 else replace(places[0], micro_step=None)


def _modules(focus: Focus, alignment: Alignment, again: Again) -> tuple[ModuleVerdict, ...]:
    paths = align_modules(alignment.parameters)
    options = {"update": focus.update, "micro_step": focus.micro_step or 0, "paths": paths}
    traces = again(_MODULES, focus, {_MODULES: options})
    if traces is None:
        return ()
    leader, follower = (one.rank(focus.rank) for one in traces)
    return judge_modules(leader, follower) if leader is not None and follower is not None else ()
