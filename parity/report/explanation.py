"""Causes over all scenarios of a pair: one cause seen in five scenarios is one explanation."""

from collections.abc import Sequence
from dataclasses import dataclass

from parity.compare.measurement import Comparison
from parity.diagnose.outcome import Outcome
from parity.diagnose.registry import Cause
from parity.findings.model import Finding
from parity.report.wording import share


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """Findings in one scenario."""

    scenario: str
    comparison: Comparison
    findings: tuple[Finding, ...]
    share: str = ""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A cause, and in each scenario that shows it the findings it explains."""

    cause: Cause
    sightings: tuple[Sighting, ...]


def explanations(outcomes: Sequence[Outcome]) -> list[Explanation]:
    """All causes of what counts, the most significant first: by rank in their scenario, number of scenarios, share."""
    found: dict[tuple[str, str], list[tuple[int, float, Cause, Sighting]]] = {}
    for outcome in outcomes:
        judgement, diagnosis = outcome.judgement, outcome.diagnosis
        if judgement is None or diagnosis is None:
            continue
        for rank, cause in enumerate(diagnosis.causes):
            findings = tuple(finding for finding in judgement.gating if finding.id in cause.explains)
            if not findings and any(finding.waiver for finding in judgement.findings if finding.id in cause.explains):
                continue  # all that it explains here is accepted
            sighting = Sighting(
                scenario=outcome.scenario,
                comparison=judgement.comparison,
                findings=findings,
                share=share(cause, diagnosis),
            )
            seen = found.setdefault((cause.id, cause.title), [])
            seen.append((rank, diagnosis.share(cause), cause, sighting))
    ranked = sorted(
        found.values(),
        key=lambda seen: (min(rank for rank, *_ in seen), -len(seen), -max(part for _, part, *_ in seen)),
    )
    return [Explanation(cause=seen[0][2], sightings=tuple(sighting for *_, sighting in seen)) for seen in ranked]


def unexplained(outcomes: Sequence[Outcome]) -> tuple[Sighting, ...]:
    """The gating findings that no cause explains, by scenario."""
    left = []
    for outcome in outcomes:
        judgement = outcome.judgement
        if judgement is None:
            continue
        explained = (
            {one for cause in outcome.diagnosis.causes for one in cause.explains} if outcome.diagnosis else set()
        )
        findings = tuple(finding for finding in judgement.gating if finding.id not in explained)
        if findings:
            left.append(Sighting(scenario=outcome.scenario, comparison=judgement.comparison, findings=findings))
    return tuple(left)
