"""Inside the first forward or backward that differs by itself: which operation, and which of the modules."""

from collections.abc import Callable
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

INSIDE: Final = ("free", "modules")
"""What both programs are made to do at one update, and the directories of that: forward and backward are left alone, to
be looked at; or every module of a forward is followed."""
Again = Callable[[str, Focus, object], tuple[Trace, Trace] | None]
"""Runs both once more, one of ``INSIDE`` with its options at a place; None where that cannot be had."""


def look_inside(
    judgement: Judgement, plain: Judgement, zoom: Zoom | None, again: Again
) -> tuple[Zoom | None, tuple[ModuleVerdict, ...]]:
    """Look closely at the first forward or backward that differs by itself.

    Return a close-up of it, which is ``zoom``, that of the plain pass, where this is of the same place; and of a
    forward a verdict on each of its modules.
    """
    found = ((one, focus_on(judgement, one)) for one in judgement.gating if one.phase in COMPUTING)
    finding, focus = next(((one, focus) for one, focus in found if focus is not None), (None, None))
    if finding is None or focus is None:
        return zoom, ()
    modules: tuple[ModuleVerdict, ...] = ()
    try:
        if zoom is None or find_focus(plain) != focus:
            zoom = _closeup(focus, again) or zoom
        if finding.phase is Phase.FORWARD:
            modules = _modules(focus, plain.comparison.alignment, again)
    except ParityError as error:
        zoom = zoom or nothing_seen(focus.update, f"{error.slug}: {error}")
    return zoom, modules


def _closeup(focus: Focus, again: Again) -> Zoom | None:
    traces = again("free", focus, focus.update)
    if traces is None:
        return None
    reference, candidate = (closeup(one.directory, focus) for one in traces)
    return compare_closeups(reference, candidate, update=focus.update)


def _modules(focus: Focus, alignment: Alignment, again: Again) -> tuple[ModuleVerdict, ...]:
    paths = align_modules(alignment.parameters)
    options = {"update": focus.update, "micro_step": focus.micro_step or 0, "paths": paths}
    traces = again("modules", focus, options)
    if traces is None:
        return ()
    leader, follower = (one.rank(focus.rank) for one in traces)
    return judge_modules(leader, follower) if leader is not None and follower is not None else ()
