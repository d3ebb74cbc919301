"""Causes where the candidate was followed: every finding stands by itself, so every phase has a cause of its own."""

from dataclasses import replace

from parity.diagnose.case import Case
from parity.diagnose.registry import Cause, Diagnosis, Rule, explain
from parity.findings.model import Judgement


def diagnose_followed(judgement: Judgement, rules: tuple[Rule, ...]) -> Diagnosis:
    """Apply the rules to everything, then to each phase that is left without a cause, as if nothing else differed."""
    whole = explain(Case(judgement, followed=True), rules)
    causes = list(whole.causes)
    left = list(whole.unexplained)
    for phase in dict.fromkeys(finding.phase for finding in judgement.gating if finding.id in whole.unexplained):
        findings = tuple(one for one in judgement.gating if one.phase is phase and one.id in whole.unexplained)
        found = explain(Case(replace(judgement, findings=findings), followed=True), rules)
        causes += found.causes
        left = [one for one in left if not _explained(one, found.causes)]
    return Diagnosis(causes=tuple(causes), unexplained=tuple(left), total=whole.total)


def _explained(identifier: str, causes: tuple[Cause, ...]) -> bool:
    return any(identifier in cause.explains for cause in causes)
