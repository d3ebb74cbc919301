"""Causes in the optimizer's construction: which hyper-parameters apply to which parameter."""

import re
from collections.abc import Mapping
from math import prod
from typing import Final

from parity.align.names import FILE_SEPARATOR
from parity.compare.measurement import Difference, Measurement
from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.printout import LOG
from parity.diagnose.library.reach import VALUE, Prediction, at, expects, explained, measurements
from parity.diagnose.registry import Cause, rule
from parity.trace.channels import Phase
from parity.trace.shapes import dimensions

_GROUP: Final = "optimizer_group"
_DECAY: Final = "weight_decay"
_STORED: Final = frozenset({"checkpoint_kind", "checkpoint_value", "checkpoint_tensor"})
_ITEM: Final = re.compile(r"(\w+)=(.*?)(?=, \w+=|$)")

Change = tuple[str, str, str]
Groups = dict[str, dict[str, str]]


@rule(
    "decay-group-membership",
    needs=("optimizer_group",),
    predicts="the groups of these parameters, printed sizes of groups, their numbering in checkpoints, and every "
    "number from the first update on",
    advice="Compare the rule that sorts parameters into groups, usually dim() >= 2 or a list of names.",
)
def decay_group_membership(case: Case) -> Cause | None:
    """Other parameters are decayed: the sets of parameters with weight decay differ, and neither is empty."""
    ours, theirs = (_decayed(side) for side in _groups(case))
    found = measurements(case, _GROUP, differences=VALUE)
    if not found or not ours or not theirs or ours.keys() == theirs.keys():
        return None
    gained = [name for name in theirs if name not in ours]
    lost = [name for name in ours if name not in theirs]
    lines = [
        *_members(case, "decayed by the candidate only", gained, theirs),
        *_members(case, "decayed by the reference only", lost, ours),
        evidence.both("parameters with weight decay", len(ours), len(theirs)),
    ]
    first = next((one for one in found if one.name in {*gained, *lost}), found[0])
    values = (_hyperparameters(text).get(_DECAY) for text in (first.reference, first.candidate))
    lines.append(evidence.both(f"{_DECAY} of {first.name}", *values))
    return Cause(
        id="decay-group-membership",
        title="Weight decay applies to other parameters",
        explains=_explains(case, _DECAY, also=(_group_sizes(case), _regrouped)),
        evidence=tuple(lines),
        consequence="These parameters are pulled towards zero in one program only. The loss hides it for a long "
        "time, since each update differs by learning rate x weight decay x parameter.",
    )


@rule(
    "optimizer-hyperparameter",
    needs=("optimizer_group",),
    predicts="the groups with that value, the value in checkpoints, and every number from the first update on",
    advice="Check that the value reaches the optimizer's constructor, and its default.",
)
def optimizer_hyperparameter(case: Case) -> Cause | None:
    """A hyper-parameter has another value, for all parameters that had the same one in the reference."""
    changes = _changes(measurements(case, _GROUP, differences=VALUE))
    if decay_group_membership(case) is not None:
        changes = {change: names for change, names in changes.items() if change[0] != _DECAY}
    if not changes:
        return None
    keys = list(dict.fromkeys(key for key, _, _ in changes))
    lines = tuple(
        f"{evidence.both(key, ours, theirs)}, for {evidence.plural(len(names), 'parameter')}"
        for (key, ours, theirs), names in changes.items()
    )
    return Cause(
        id="optimizer-hyperparameter",
        title=f"The optimizer is built with another {' and '.join(keys)}",
        explains=_explains(case, *keys),
        evidence=lines,
        consequence="Every update of these parameters follows another rule from the first one on.",
    )


@rule(
    "optimizer-membership",
    needs=("optimizer_group",),
    predicts="the groups of these parameters, gradients that nobody clears, and every number from the first update on",
    advice="Compare what is passed to the optimizer's constructor, and whether it is built before parameters are "
    "added, replaced or frozen.",
)
def optimizer_membership(case: Case) -> Cause | None:
    """Parameters that exist on both sides are given to the optimizer on one side only."""
    ours, theirs = _groups(case)
    missing, extra = [name for name in ours if name not in theirs], [name for name in theirs if name not in ours]
    if not ours or not theirs or not (missing or extra):
        return None
    names = {theirs_.name: ours_.name for ours_, theirs_ in case.pairs("parameter_kind")}
    concerned = {*missing, *extra}
    return Cause(
        id="optimizer-membership",
        title="The optimizer is given other parameters",
        explains=explained(
            case,
            lambda one: one.channel.name == _GROUP and names.get(one.candidate_name, one.name) in concerned,
            # What the optimizer does not hold, its zero_grad does not clear.
            expects("stale_gradients"),
            _group_sizes(case),
            _regrouped,
            since=at(0, Phase.UPDATE),
        ),
        evidence=tuple(
            f"{what} ({len(names)}{_pattern(case, names)}): {evidence.listing(names)}"
            for what, names in (("held by the reference's optimizer only", missing), ("by the candidate's only", extra))
            if names
        ),
        consequence="Parameters that no optimizer holds keep their initial values for ever.",
    )


def _hyperparameters(text: object) -> dict[str, str]:
    return dict(_ITEM.findall(text)) if isinstance(text, str) else {}


def _groups(case: Case) -> tuple[Groups, Groups]:
    """Hyper-parameters at the first update of every parameter that both sides have, under its reference name."""
    found: tuple[Groups, Groups] = {}, {}
    for pair in case.pairs("parameter_kind"):
        for side, series, groups in zip(case.sides or (), pair, found, strict=True):
            group = side.get(_GROUP, series.name)
            if group is not None:
                groups[pair[0].name] = _hyperparameters(group.python(0))
    return found


def _decayed(groups: Groups) -> dict[str, str]:
    """The parameters with weight decay, and its value."""
    values = {name: group.get(_DECAY, "0") for name, group in groups.items()}
    return {name: value for name, value in values.items() if not re.fullmatch(r"0(\.0*)?", value)}


def _changes(found: list[Measurement]) -> dict[Change, list[str]]:
    """Hyper-parameters that differ, both values, and the parameters concerned."""
    changes: dict[Change, list[str]] = {}
    for one in found:
        ours, theirs = _hyperparameters(one.reference), _hyperparameters(one.candidate)
        for key in sorted(ours.keys() | theirs.keys()):
            change = (key, ours.get(key, "absent"), theirs.get(key, "absent"))
            names = changes.setdefault(change, [])
            if change[1] == change[2]:
                del changes[change]
            elif one.name not in names:
                names.append(one.name)
    return changes


def _explains(case: Case, *keys: str, also: tuple[Prediction, ...] = ()) -> tuple[str, ...]:
    """Findings that follow from a difference in ``keys``; before the first update nothing can."""

    def differs(one: Measurement) -> bool:
        if one.channel.name != _GROUP or one.difference is not Difference.VALUE:
            return False
        ours, theirs = _hyperparameters(one.reference), _hyperparameters(one.candidate)
        return any(ours.get(key) != theirs.get(key) for key in keys)

    updates = [one.update for one in measurements(case, _GROUP) if differs(one)]
    return explained(case, differs, _stores(*keys), *also, since=at(max(0, min(updates, default=0)), Phase.UPDATE))


def _regrouped(one: Measurement) -> bool:
    """Whether a checkpoint differs in how the optimizer's state is numbered, which goes by groups."""
    key = one.name.partition(FILE_SEPARATOR)[2]
    return one.channel.name in _STORED and re.search(r"\b(param_groups|state)\.\d", key) is not None


def _stores(*keys: str) -> Prediction:
    """Predict the values of hyper-parameters in checkpoints."""
    pattern = re.compile(rf"\bparam_groups\.\d+\.({'|'.join(map(re.escape, keys))})\b")
    return lambda one: one.channel.name == "checkpoint_value" and pattern.search(one.name) is not None


def _group_sizes(case: Case) -> Prediction:
    """Predict printed numbers of tensors and of elements, with and without weight decay."""
    kinds = {ours.name: dimensions(ours.python(0)) or () for ours, _ in case.pairs("parameter_kind")}
    ours, theirs = _groups(case)
    decayed = _decayed(ours).keys(), _decayed(theirs).keys()
    rest = ours.keys() - decayed[0], theirs.keys() - decayed[1]
    known = {
        tuple(float(size(names)) for names in sets)
        for sets in (decayed, rest, (ours.keys(), theirs.keys()))
        for size in (len, lambda names: sum(prod(kinds[name]) for name in names))
    }
    return lambda one: one.channel.name == LOG and (one.reference, one.candidate) in known


def _members(case: Case, what: str, names: list[str], values: Mapping[str, str]) -> list[str]:
    if not names:
        return []
    value = values[names[0]]
    return [f"{what} ({len(names)}{_pattern(case, names)}, {_DECAY}={value}): {evidence.listing(names)}"]


def _pattern(case: Case, names: list[str]) -> str:
    """How many dimensions these parameters have, if it is the same for all."""
    kinds = {ours.name: str(ours.python(0)) for ours, _ in case.pairs("parameter_kind") if len(ours)}
    sizes = {len(shape) if (shape := dimensions(kinds.get(name))) is not None else -1 for name in names}
    size = sizes.pop()
    return f", all {size}-dimensional" if not sizes and size >= 0 else ""
