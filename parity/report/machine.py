"""The result as JSON: one schema, sorted keys, the same bytes for the same outcome."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from parity.compare.noise import FACTOR, Weighing
from parity.compare.zoom_model import Zoom
from parity.diagnose.outcome import Outcome
from parity.diagnose.registry import Cause, Diagnosis, documented
from parity.findings.following import Followed, word_of
from parity.findings.model import Finding, Judgement
from parity.findings.noise import NoiseVerdict
from parity.report.facts import texts, verdict
from parity.report.invariants import sides_json
from parity.report.resumption import resumption_json
from parity.report.ruling import ruling_json

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
        "invariants": sides_json(outcome.invariants),
        "not_compared": _not_compared(outcome),
        "noise": _noise(judgement.noise) if judgement is not None and judgement.noise is not None else None,
        "zoom": _zoom(outcome.zoom),
        "gate": ruling_json(outcome),
        "environment": _environment(judgement),
    }
    kept = judgement.comparison.reference.manifest.get("cache") if judgement is not None else None
    if kept is not None:
        result["cache"] = {"reference": kept}
    if outcome.followed is not None:
        result["followed"] = _followed(outcome.followed)
    if outcome.resumption is not None:
        result["resume"] = resumption_json(outcome.resumption)
    return {key: _portable(content) for key, content in result.items()}


def _followed(followed: Followed) -> dict[str, object]:
    """The pass in follow mode; its findings and causes are those of the scenario."""
    return {
        "refusal": followed.refusal,
        "writes": dict(followed.writes),
        "written": followed.written,
        "plain_findings": len(followed.plain.gating),
        "phases": [
            {
                "phase": phase.name,
                "verdict": word.value if (word := word_of(phase)) is not None else None,
                "judged": phase.judged,
                "different": len(phase.different),
                "first": phase.first,
                "not_compared": phase.not_compared,
                "reasons": list(phase.reasons),
            }
            for phase in followed.phases
        ],
        "modules": [
            {
                "reference": None if one.reference is None else asdict(one.reference),
                "candidate": None if one.candidate is None else asdict(one.candidate),
                "computes": one.computes,
                "passes": list(one.passes),
                "reason": one.reason,
            }
            for one in followed.modules
        ],
        "closeups": [asdict(one) for one in followed.closeups],
    }


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
        "docs": documented(cause.id),
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
        "noise": _weighing(finding.weighing),
        "tolerance": finding.tolerance,
        "waiver": finding.waiver,
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


def _weighing(weighing: Weighing | None) -> dict[str, object] | None:
    """The place where a series exceeds its floor most; sizes are relative to the reference."""
    return None if weighing is None else asdict(weighing)


def _noise(verdict: NoiseVerdict) -> dict[str, object]:
    """What the noise floor says; ``omitted`` is why it was not measured, empty where it was."""
    worst, leaves = verdict.worst, verdict.leaves
    return {
        "runs": verdict.runs,
        "factor": FACTOR,
        "omitted": verdict.omitted,
        "regrouped": verdict.regrouped,
        "worst": worst and {"channel": worst[0].channel.name, "name": worst[0].name, **asdict(worst[1])},
        "leaves": leaves and {"channel": leaves[0].channel.name, "name": leaves[0].name, "update": leaves[1].leaves},
        "more_than_rounding": verdict.coarse
        and {"channel": verdict.coarse.channel.name, "name": verdict.coarse.name, "update": verdict.coarse.update},
        "gradient_noise_too_coarse": verdict.blurred,
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


def _zoom(zoom: Zoom | None) -> dict[str, object] | None:
    return None if zoom is None else asdict(zoom)


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
