"""The result as JSON: one schema, sorted keys, the same bytes for the same outcome."""

import json
import math
from collections.abc import Mapping
from typing import Final

from parity.diagnose.outcome import Outcome
from parity.diagnose.registry import Cause, Diagnosis
from parity.findings.model import Finding, Judgement
from parity.report.facts import texts, verdict
from parity.report.resumption import resumption_json

SCHEMA: Final = 1


def result_json(outcome: Outcome) -> dict[str, object]:
    """Everything known about one scenario. Floats that JSON has no number for are the texts nan, inf and -inf."""
    judgement = outcome.judgement
    result: dict[str, object] = {
        "schema": SCHEMA,
        "pair": outcome.pair,
        "scenario": outcome.scenario,
        "verdict": verdict(outcome).value,
        "exit_code": outcome.exit_code,
        "error": _error(outcome),
        "first_divergence": _divergence(judgement),
        "causes": _causes(outcome.diagnosis),
        "findings": [_finding(finding) for finding in judgement.findings] if judgement is not None else [],
        "not_compared": _not_compared(outcome),
        "noise": None,
        "environment": _environment(judgement),
    }
    if outcome.resumption is not None:
        result["resume"] = resumption_json(outcome.resumption)
    return {key: _portable(content) for key, content in result.items()}


def to_json(content: object) -> str:
    """Write ``content`` with sorted keys, in ASCII, closed by a newline."""
    return json.dumps(_portable(content), indent=2, sort_keys=True, allow_nan=False) + "\n"


def _error(outcome: Outcome) -> dict[str, object] | None:
    error = outcome.error
    return {"slug": error.slug, "message": str(error)} if error is not None else None


def _divergence(judgement: Judgement | None) -> dict[str, object] | None:
    finding = judgement.first_divergence if judgement is not None else None
    if finding is None:
        return None
    first = finding.first
    return {
        "update": first.update,
        "phase": first.phase.name.lower(),
        "channel": first.channel.name,
        "name": first.name,
        "rank": first.rank,
        "reference": first.reference,
        "candidate": first.candidate,
    }


def _causes(diagnosis: Diagnosis | None) -> list[object]:
    return [_cause(cause, diagnosis) for cause in diagnosis.causes] if diagnosis is not None else []


def _cause(cause: Cause, diagnosis: Diagnosis) -> dict[str, object]:
    return {
        "id": cause.id,
        "title": cause.title,
        "explains": list(cause.explains),
        "evidence": list(cause.evidence),
        "share": diagnosis.share(cause),
        "consequence": cause.consequence,
        "advice": cause.advice,
    }


def _finding(finding: Finding) -> dict[str, object]:
    first = finding.first
    return {
        "id": finding.id,
        "verdict": finding.verdict.value,
        "gates": finding.gates,
        "channel": finding.channel.name,
        "phase": finding.phase.name.lower(),
        "update": finding.update,
        "names": list(finding.names),
        "ranks": list(finding.ranks),
        "differing": sum(measurement.differing for measurement in finding.measurements),
        "compared": sum(measurement.compared for measurement in finding.measurements),
        "first": {
            "name": first.name,
            "candidate_name": first.candidate_name,
            "rank": first.rank,
            "update": first.update,
            "ordinal": first.ordinal,
            "reference": first.reference,
            "candidate": first.candidate,
            "absolute": first.absolute,
            "relative": first.relative,
            "ulp": first.ulp,
        },
    }


def _not_compared(outcome: Outcome) -> list[object]:
    """What was left out. A scenario without a comparison left out everything: one entry without channel and name."""
    if outcome.judgement is not None:
        return [
            {"channel": one.channel, "name": one.name, "reason": one.reason} for one in outcome.judgement.not_compared
        ]
    error = outcome.error
    reason = f"{error.slug}: {error}" if error is not None else "the scenario has no result"
    return [{"channel": "", "name": "", "reason": reason}]


def _environment(judgement: Judgement | None) -> dict[str, object]:
    if judgement is None:
        return {"reference": {}, "candidate": {}}
    comparison = judgement.comparison
    return {
        "reference": texts(comparison.reference, "environment"),
        "candidate": texts(comparison.candidate, "environment"),
    }


def _portable(content: object) -> object:
    """``content`` with every float that is no JSON number as a text."""
    if isinstance(content, float) and not math.isfinite(content):
        return repr(content)
    if isinstance(content, Mapping):
        return {str(key): _portable(inner) for key, inner in content.items()}
    if isinstance(content, list | tuple):
        return [_portable(inner) for inner in content]
    return content
