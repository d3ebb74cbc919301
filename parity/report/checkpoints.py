"""Two checkpoints as JSON: everything that was measured."""

from typing import Final

from parity.checkpoint.model import spelled
from parity.compare.checkpoint_model import (
    CheckpointComparison,
    CheckpointDifference,
    KeyNotCompared,
    UnitComparison,
)
from parity.compare.tensors import Statistics
from parity.diagnose.checkpoints.case import CheckpointCause
from parity.diagnose.registry import documented
from parity.findings.checkpoints import checkpoint_exit_code, checkpoint_verdict

CHECKPOINT_SCHEMA: Final = 1


def checkpoint_json(comparison: CheckpointComparison, causes: tuple[CheckpointCause, ...]) -> dict[str, object]:
    """Everything that was measured."""
    return {
        "schema": CHECKPOINT_SCHEMA,
        "verdict": checkpoint_verdict(comparison).value,
        "exit_code": checkpoint_exit_code(comparison),
        "reference": _side(comparison, "reference"),
        "candidate": _side(comparison, "candidate"),
        "compared": comparison.compared,
        "units": [_unit(unit) for unit in comparison.units],
        "causes": [_cause(cause) for cause in causes],
        "differences": [_difference(one) for one in comparison.differences],
        "not_compared": [_lost(one) for one in comparison.not_compared],
    }


def _side(comparison: CheckpointComparison, side: str) -> dict[str, object]:
    checkpoint = comparison.reference if side == "reference" else comparison.candidate
    files = {name: size for unit in checkpoint.units for name, size in unit.files.items()}
    return {"source": checkpoint.source, "bytes": checkpoint.nbytes, "files": files}


def _unit(unit: UnitComparison) -> dict[str, object]:
    return {
        "reference": unit.reference.name,
        "candidate": unit.candidate.name,
        "format": {"reference": unit.reference.format, "candidate": unit.candidate.format},
        "bytes": {"reference": unit.reference.nbytes, "candidate": unit.candidate.nbytes},
        "pairs": len(unit.pairs),
        "prefixes": list(unit.prefixes),
        "optimizers": [
            {"key": spelled(ours.path), "reference": ours.method, "candidate": theirs.method}
            for ours, theirs in unit.optimizers
        ],
    }


def _cause(cause: CheckpointCause) -> dict[str, object]:
    return {
        "id": cause.id,
        "title": cause.title,
        "unit": cause.unit,
        "explains": [spelled(key) for key in cause.explains],
        "evidence": list(cause.evidence),
        "consequence": cause.consequence,
        "advice": cause.advice,
        "docs": documented(cause.id),
    }


def _difference(one: CheckpointDifference) -> dict[str, object]:
    return {
        "unit": one.unit,
        "section": one.section.value,
        "aspect": one.aspect.value,
        "key": spelled(one.key),
        "path": list(one.key),
        "candidate_key": spelled(one.candidate_key),
        "reference": one.reference,
        "candidate": one.candidate,
        "note": one.note,
        "statistics": _statistics(one.statistics) if one.statistics is not None else None,
    }


def _statistics(found: Statistics) -> dict[str, object]:
    return {
        "differing": found.differing,
        "compared": found.compared,
        "first": list(found.first),
        "absolute": found.absolute,
        "relative": found.relative,
        "ulp": found.ulp,
        "cosine": found.cosine,
        "rms": list(found.rms) if found.rms is not None else None,
        "not_finite": list(found.not_finite),
    }


def _lost(one: KeyNotCompared) -> dict[str, object]:
    return {"unit": one.unit, "side": one.side, "key": spelled(one.key), "slug": one.slug, "reason": one.reason}
