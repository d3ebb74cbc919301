"""Causes where the candidate was followed: every finding stands by itself, so every phase has a cause of its own."""

from dataclasses import replace

from parity.compare.zoom_model import Zoom
from parity.diagnose.case import Case
from parity.diagnose.registry import Cause, Diagnosis, Rule, explain
from parity.findings.model import Judgement


def diagnose_followed(
    judgement: Judgement, rules: tuple[Rule, ...], locate: Rule, zoom: Zoom | None = None
) -> Diagnosis:
    """Apply the rules to everything, then ``locate`` to what is left, one phase after the other.

    Causes come in the causal order of what they explain: none of them is more a cause than another.
    """
    whole = explain(Case(judgement, zoom=zoom, followed=True), rules)
    causes, left = list(whole.causes), whole.unexplained
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
