"""Causes where the candidate was followed: every finding stands by itself, so every phase has a cause of its own."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from parity.compare.zoom_model import Direction, Zoom
from parity.diagnose.case import Case
from parity.diagnose.registry import Cause, Diagnosis, Rule, explain
from parity.findings.model import Judgement
from parity.trace.channels import Phase

Look = tuple[Phase | None, Zoom]
"""A close-up, and the phase that it was taken of, None where it is of the pass before."""
_SHOWN: Final = {
    Direction.FORWARD: (Phase.FORWARD, Phase.LOSS, Phase.EVAL),
    Direction.BACKWARD: (Phase.BACKWARD,),
    Direction.PARAMETERS: (Phase.SETUP,),
    Direction.NONE: (),
}
"""The phases whose findings a close-up in each direction is about."""
_OF: Final = {Phase.FORWARD: (Phase.FORWARD, Phase.EVAL)}
"""The same of a phase that was given equal values, where it is not that phase alone."""


def diagnose_followed(
    judgement: Judgement, rules: tuple[Rule, ...], locate: Rule, looks: Sequence[Look] = ()
) -> Diagnosis:
    """Apply the rules to everything, then to what each of ``looks`` is about, and ``locate`` to what is still left.

    Causes come in the causal order of what they explain: none of them is more a cause than another.
    """
    whole = explain(Case(judgement, followed=True), rules)
    causes, left = list(whole.causes), whole.unexplained
    for phase, zoom in looks:
        shown = _shown(phase, zoom)
        near = tuple(one for one in judgement.gating if one.id in left and one.phase in shown)
        inside = explain(Case(replace(judgement, findings=near), zoom=zoom, followed=True), rules)
        causes += inside.causes
        left = tuple(one for one in left if all(one not in cause.explains for cause in inside.causes))
    while left:
        findings = tuple(one for one in judgement.gating if one.id in left)
        cause = locate(Case(replace(judgement, findings=findings), followed=True))
        if cause is None or not set(cause.explains) & set(left):
            break
        causes.append(cause)
        left = tuple(one for one in left if one not in cause.explains)
    order = [finding.id for finding in sorted(judgement.gating, key=lambda one: one.phase)]

    def rank(cause: Cause) -> int:
        return min(order.index(one) for one in cause.explains)

    return Diagnosis(causes=tuple(sorted(causes, key=rank)), unexplained=left, total=whole.total)


def _shown(phase: Phase | None, zoom: Zoom) -> tuple[Phase, ...]:
    """The phases whose findings ``zoom``, which was taken of ``phase``, is about."""
    if phase is None or zoom.direction in (Direction.PARAMETERS, Direction.NONE):
        return _SHOWN[zoom.direction]
    return _OF.get(phase, (phase,))
