"""Inside the first forward or backward that differs by itself: which operation, and which of the modules."""

from dataclasses import replace
from typing import Any

from parity.align.modules import align_modules
from parity.compare.modules import ModuleVerdict, judge_modules
from parity.compare.zoom import compare_closeups, nothing_seen
from parity.compare.zoom_model import Zoom
from parity.diagnose.outcome import Outcome
from parity.errors import ParityError
from parity.findings.model import Judgement
from parity.run.lockstep import Run, lockstep
from parity.run.plan import Scenario
from parity.run.zoom import COMPUTING, closeup, find_focus, focus_on
from parity.trace.channels import Phase
from parity.trace.model import Trace


def look_inside(
    judgement: Judgement, outcome: Outcome, scenario: Scenario, run: Run
) -> tuple[Zoom | None, tuple[ModuleVerdict, ...]]:
    """Follow both once more up to the first forward or backward that differs by itself.

    Return a close-up of it, that of the plain pass where it is of the same place, and of a forward a verdict on each of
    its modules.
    """
    plain = outcome.judgement
    found = ((one, focus_on(judgement, one)) for one in judgement.gating if one.phase in COMPUTING)
    finding, focus = next(((one, focus) for one, focus in found if focus is not None), (None, None))
    if plain is None or finding is None or focus is None or not scenario.zooms:
        return outcome.zoom, ()

    def again(**options: Any) -> tuple[Trace, Trace]:
        (name,) = options
        closer = replace(scenario, name=f"{scenario.name}/{name}", recording=focus.recording(scenario.recording))
        return lockstep(closer, plain.comparison, run, **options)

    zoom = outcome.zoom
    modules: tuple[ModuleVerdict, ...] = ()
    try:
        if zoom is None or find_focus(plain) != focus:
            reference, candidate = (closeup(one.directory, focus) for one in again(free=focus.update))
            zoom = compare_closeups(reference, candidate, update=focus.update)
        if finding.phase is Phase.FORWARD:
            paths = align_modules(plain.comparison.alignment.parameters)
            at = {"update": focus.update, "micro_step": focus.micro_step or 0, "paths": paths}
            leader, follower = (one.rank(focus.rank) for one in again(modules=at))
            modules = judge_modules(leader, follower) if leader is not None and follower is not None else ()
    except ParityError as error:
        zoom = zoom or nothing_seen(focus.update, f"{error.slug}: {error}")
    return zoom, modules
