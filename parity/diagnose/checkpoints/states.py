"""Causes that lose or age a state: moments, steps, averages, adapters."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parity.checkpoint.model import Leaf, Path
from parity.checkpoint.tensors import Tensor
from parity.compare.checkpoint_model import Aspect, Pair, UnitComparison
from parity.compare.leaves import number
from parity.compare.sections import Section
from parity.compare.tensors import is_zero
from parity.diagnose.checkpoints.case import CheckpointCause, cause, checkpoint_rule, having, listed, tensor_pairs

_MOMENTS: Final = frozenset({"exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer", "square_avg", "sum"})
_ROWS: Final = 256
_MOST: Final = 1 << 22
_RESIDUAL: Final = 1e-2


@checkpoint_rule(
    (
        "checkpoint-moments-missing",
        "Moments of the optimizer are missing.",
        "A resumed run starts their averages anew: its first updates are larger or smaller than they were.",
        "Save the optimizer's whole state dict.",
    ),
    (
        "checkpoint-moments-zero",
        "Moments of the optimizer are zero.",
        "A resumed run starts averages anew that count as old: its first updates are too small.",
        "Load the optimizer's state before saving it again.",
    ),
)
def moments_missing(unit: UnitComparison) -> Iterator[CheckpointCause]:
    """Moments of the optimizer that the candidate does not have, or has as zeros."""
    missing = [one.key for one in having(unit, Aspect.MISSING) if one.key and one.key[-1] in _MOMENTS]
    if missing:
        title = f"{len(missing):,} moments of the optimizer are missing"
        yield cause(unit, "checkpoint-moments-missing", title, missing, f"the candidate has no {listed(unit, missing)}")
    suspects = [one.key for one in having(unit, Aspect.VALUE) if one.key and one.key[-1] in _MOMENTS]
    zero = [pair.key for pair, _, theirs in tensor_pairs(unit, suspects) if is_zero(theirs)]
    if zero:
        title = f"{len(zero):,} moments of the optimizer are zero"
        yield cause(
            unit, "checkpoint-moments-zero", title, zero, f"every element of the candidate's {listed(unit, zero)} is 0"
        )


@checkpoint_rule(
    (
        "checkpoint-regrouped",
        "The optimizer holds its parameters in other groups, or in another order.",
        "Loading by position fails or gives parameters the state of others; groups' settings act on other parameters.",
        "Group the parameters alike, or map the state by name when loading.",
    ),
)
def regrouped(unit: UnitComparison) -> Iterator[CheckpointCause]:
    """Parameters of an optimizer that are in other groups, or in another order."""
    for one in having(unit, Aspect.GROUPS):
        gone = having(unit, Aspect.MISSING, Aspect.EXTRA)
        keys = [one.key, *(other.key for other in gone if other.key[: len(one.key)] == one.key)]
        title = f"the optimizer's parameters are {one.note.partition(';')[0]}"
        yield cause(unit, "checkpoint-regrouped", title, keys, f"{one.reference} -> {one.candidate}")


@checkpoint_rule(
    (
        "checkpoint-step-shifted",
        "Counters are all ahead or behind by the same number.",
        "A resumed run repeats or leaves out updates, and its schedule and bias correction are that far off.",
        "Compare whether counters are saved before or after they are incremented.",
    ),
)
def step_shifted(unit: UnitComparison) -> Iterator[CheckpointCause]:
    """Counters that are all ahead or behind by the same number."""
    suspects = {one.key for one in having(unit, Aspect.VALUE)}
    shifts: dict[Path, float] = {}
    for pair in unit.pairs:
        if pair.key in suspects and _counts(pair):
            ours, theirs = _single(pair.reference), _single(pair.candidate)
            if ours is not None and theirs is not None and (theirs - ours).is_integer():
                shifts[pair.key] = theirs - ours
    for shift, _ in Counter(shifts.values()).most_common(2):
        keys = [key for key, value in shifts.items() if value == shift]
        word = "ahead" if shift > 0 else "behind"
        title = f"{len(keys):,} counters are {word} by {abs(int(shift)):,}"
        yield cause(
            unit,
            "checkpoint-step-shifted",
            title,
            keys,
            f"candidate - reference = {int(shift)} at {listed(unit, keys)}",
        )


def _counts(pair: Pair) -> bool:
    if pair.section is Section.COUNTER or (pair.key and pair.key[-1] in ("step", "last_epoch", "_step_count")):
        return True
    return pair.section is Section.SCALER and bool(pair.key) and pair.key[-1] == "_growth_tracker"


def _single(entry: object) -> float | None:
    if isinstance(entry, Leaf):
        return number(entry.value)
    if isinstance(entry, Tensor) and entry.size == 1 and entry.dtype.is_numeric and entry.dtype.parts == 1:
        return float(entry.dtype.decode(next(entry.blocks(1)))[0])
    return None


@checkpoint_rule(
    (
        "checkpoint-stale-ema",
        "An average of the weights stopped following them.",
        "What is evaluated or published from the average are older weights than intended.",
        "Update the average after every step.",
    ),
    (
        "checkpoint-ema-copied",
        "An average of the weights is a plain copy of them.",
        "The average averages nothing: it is as noisy as the weights.",
        "Update the average by its decay, and clone the weights that it starts from.",
    ),
)
def stale_average(unit: UnitComparison) -> Iterator[CheckpointCause]:
    """An average of the weights that stopped following them, or that is only a copy of them."""
    differing = {one.key for one in having(unit, Aspect.VALUE)}
    models = {str(pair.key[-1]): pair for pair in unit.pairs if pair.section is Section.MODEL and pair.key}
    behind: list[Path] = []
    copies: list[Path] = []
    for pair, ours, theirs in tensor_pairs(unit, differing):
        weight = models.get(str(pair.key[-1]))
        if pair.section is not Section.EMA or weight is None or weight.key in differing:
            continue
        if not isinstance(weight.reference, Tensor) or weight.reference.shape != ours.shape == theirs.shape:
            continue
        lag = [_distance(weight.reference, one) for one in (ours, theirs)]
        if lag[1] == 0:
            copies.append(pair.key)
        elif lag[1] > lag[0]:
            behind.append(pair.key)
    if behind:
        title = f"{len(behind):,} averaged weights are stale"
        yield cause(
            unit,
            "checkpoint-stale-ema",
            title,
            behind,
            "equal weights, but the candidate's average is farther from them",
        )
    if copies:
        title = f"{len(copies):,} averaged weights are plain copies of the weights"
        yield cause(unit, "checkpoint-ema-copied", title, copies, "the candidate's average equals its weights")


def _distance(weight: Tensor, average: Tensor) -> float:
    total = 0.0
    for one, other in zip(weight.blocks(_MOST >> 4), average.blocks(_MOST >> 4), strict=True):
        total += float(np.abs(weight.dtype.decode(one) - average.dtype.decode(other)).sum())
    return total


@checkpoint_rule(
    (
        "checkpoint-adapters-merged",
        "Low-rank adapters that one side keeps apart are added to the other's weights.",
        "Loading one form as the other leaves the adapters out, or adds them twice.",
        "Decide on one form, and merge or separate when loading.",
    ),
)
def adapters_merged(unit: UnitComparison) -> Iterator[CheckpointCause]:
    """Low-rank adapters that one side keeps apart and the other has added to its weights."""
    for aspect, side in ((Aspect.MISSING, "candidate"), (Aspect.EXTRA, "reference")):
        apart = unit.reference if aspect is Aspect.MISSING else unit.candidate
        lone = {one.key for one in having(unit, aspect)}
        names = {_dotted(key): key for key in lone}
        found = [
            (pair.key, names[first], scale)
            for first in names
            if "lora_A" in first and first.replace("lora_A", "lora_B") in names
            for pair in _bases(unit, first)
            if (scale := _merged_scale(pair, apart.entries[names[first]], apart.entries[names[_second(first)]], aspect))
        ]
        if found:
            adapters = (name for _, first, _ in found for name in (first, names[_second(_dotted(first))]))
            keys = dict.fromkeys([*(key for key, _, _ in found), *adapters])
            title = f"{len(found):,} adapters are merged into the weights of the {side}"
            evidence = f"{listed(unit, [found[0][0]])}: the difference of the weights is {found[0][2]:.6g} times B @ A"
            yield cause(unit, "checkpoint-adapters-merged", title, keys, evidence)


def _second(name: str) -> str:
    return name.replace("lora_A", "lora_B")


def _bases(unit: UnitComparison, adapter: str) -> list[Pair]:
    """The weight that an adapter belongs to: what its name begins with."""
    stem = adapter.partition(".lora_A")[0]
    names = {f"{stem}.weight", f"{stem}.base_layer.weight", stem}
    return [pair for pair in unit.pairs if _dotted(pair.key) in names]


def _dotted(key: Path) -> str:
    return ".".join(str(part) for part in key)


def _merged_scale(pair: Pair, first: object, second: object, aspect: Aspect) -> float | None:
    """The factor of B @ A that the weights differ by, None where they differ by anything else. Looks at some rows."""
    ours, theirs = pair.reference, pair.candidate
    tensors = [one for one in (ours, theirs, first, second) if isinstance(one, Tensor) and len(one.shape) == 2]
    if len(tensors) != 4 or tensors[0].shape != tensors[1].shape or tensors[2].size > _MOST:
        return None
    _, columns = tensors[0].shape
    if _ROWS * columns > _MOST or tensors[2].shape[1] != columns or tensors[3].shape[0] != tensors[0].shape[0]:
        return None
    one, other = (_matrix(tensor.rows(_ROWS)) for tensor in tensors[:2])
    delta = (other - one) if aspect is Aspect.MISSING else (one - other)
    product = _matrix(tensors[3].rows(_ROWS)) @ _matrix(tensors[2])
    size = float(np.vdot(product, product))
    scale = float(np.vdot(product, delta)) / size if size else 0.0
    residual = float(np.linalg.norm(delta - scale * product))
    return scale if scale and residual <= _RESIDUAL * float(np.linalg.norm(delta)) else None


def _matrix(tensor: Tensor) -> NDArray[Any]:
    blocks = [tensor.dtype.decode(block) for block in tensor.blocks(_MOST >> 4)]
    return np.concatenate(blocks).reshape(tensor.shape)
