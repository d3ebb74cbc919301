"""What two programs offer, compared from their source: flags, definitions, order of steps, features."""

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Final

from parity.surface.model import Definition, Feature, Flag, Place, Step, Surface

_ALIKE: Final = 0.6
_NEARLY_THE_SAME: Final = 0.75
_NUMBERS: Final = frozenset({"n", "num", "number", "max", "min", "total"})
_SHORT: Final = 2
_UNITS: Final = frozenset(
    {"steps", "step", "iters", "iterations", "epochs", "epoch", "pct", "percent", "fraction", "frac", "ratio"}
    | {"seconds", "secs", "minutes", "hours", "ms", "tokens", "samples", "batches", "mb", "gb", "bytes"}
)


class SurfaceKind(StrEnum):
    """What kind of difference two sources show."""

    FLAG_MISSING = "flag missing"
    FLAG_EXTRA = "flag added"
    FLAG_RENAMED = "flag renamed"
    FLAG_DEFAULT = "default changed"
    FLAG_COMPUTED = "default computed"
    DEFINITION_MISSING = "definition missing"
    DEFINITION_EXTRA = "definition added"
    DEFINITION_MOVED = "definition moved"
    DEFINITION_RENAMED = "definition renamed"
    DEFINITION_CHANGED = "definition changed"
    STEP_ORDER = "order of steps"
    FEATURE_MISSING = "feature missing"
    FEATURE_EXTRA = "feature added"


GATING: Final = frozenset({SurfaceKind.FLAG_MISSING, SurfaceKind.FLAG_RENAMED, SurfaceKind.FLAG_DEFAULT})
"""What breaks the command lines or changes the training of those who use the reference today."""


@dataclass(frozen=True, kw_only=True)
class SurfaceDifference:
    """One difference; ``reference`` and ``candidate`` are the texts of both sides, empty where a side has none.

    ``changes`` lists what changed beside the name of a renamed flag: its unit, its default.
    """

    kind: SurfaceKind
    name: str
    reference: str
    candidate: str
    reference_place: Place | None = None
    candidate_place: Place | None = None
    changes: tuple[str, ...] = ()

    @property
    def gates(self) -> bool:
        """Whether it concerns everyone who runs the program as before."""
        return self.kind in GATING


def compare_surfaces(reference: Surface, candidate: Surface) -> Iterator[SurfaceDifference]:
    """All differences: flags first, then the order of steps, features and definitions."""
    yield from compare_flags(reference.flags, candidate.flags)
    yield from compare_steps(reference.steps, candidate.steps)
    yield from compare_features(reference.features, candidate.features)
    yield from compare_definitions(reference.definitions, candidate.definitions)


# -- flags -----------------------------------------------------------------------------------------------------------


def compare_flags(reference: Sequence[Flag], candidate: Sequence[Flag]) -> Iterator[SurfaceDifference]:
    """Flags by name, then those left over by likeness: one difference where name, unit and default have changed."""
    theirs = {flag.name: flag for flag in candidate}
    gone = [flag for flag in reference if flag.name not in theirs]
    known = {flag.name for flag in reference}
    new = [flag for flag in candidate if flag.name not in known]
    for flag in reference:
        other = theirs.get(flag.name)
        if other is not None and not same_value(_meant(flag), _meant(other)):
            literal = all(not one.default or _is_literal(one.default) for one in (flag, other))
            yield _of_flags(SurfaceKind.FLAG_DEFAULT if literal else SurfaceKind.FLAG_COMPUTED, flag, other)
    for flag, other in _renamed(gone, new):
        gone.remove(flag)
        new.remove(other)
        yield _of_flags(SurfaceKind.FLAG_RENAMED, flag, other)
    for flag in gone:
        yield _of_flags(SurfaceKind.FLAG_MISSING, flag, None)
    for flag in new:
        yield _of_flags(SurfaceKind.FLAG_EXTRA, None, flag)


def _meant(flag: Flag) -> str:
    """The default, which is None where none is given."""
    return flag.default or "None"


def _of_flags(kind: SurfaceKind, reference: Flag | None, candidate: Flag | None) -> SurfaceDifference:
    changes: list[str] = []
    if kind is SurfaceKind.FLAG_RENAMED and reference is not None and candidate is not None:
        before, after = _unit(reference.name), _unit(candidate.name)
        if before != after:
            changes.append(f"unit {before or 'none'} -> {after or 'none'}")
        if not same_value(reference.default, candidate.default):
            changes.append(f"default {reference.default or 'none'} -> {candidate.default or 'none'}")
    known = reference or candidate
    assert known is not None
    return SurfaceDifference(
        kind=kind,
        name=known.name,
        reference=_flag_text(reference),
        candidate=_flag_text(candidate),
        reference_place=reference.place if reference else None,
        candidate_place=candidate.place if candidate else None,
        changes=tuple(changes),
    )


def _flag_text(flag: Flag | None) -> str:
    if flag is None:
        return ""
    return f"{flag.name} = {flag.default}" if flag.default else flag.name


def _renamed(gone: Sequence[Flag], new: Sequence[Flag]) -> list[tuple[Flag, Flag]]:
    """Pairs of flags that are alike, the most alike first; each flag is used once."""
    rated = [(_likeness(one, other), one, other) for one in gone for other in new]
    rated.sort(key=lambda entry: (-entry[0], entry[1].name, entry[2].name))
    pairs: list[tuple[Flag, Flag]] = []
    used: set[str] = set()
    for likeness, one, other in rated:
        if likeness >= _ALIKE and not {f"-{one.name}", f"+{other.name}"} & used:
            used |= {f"-{one.name}", f"+{other.name}"}
            pairs.append((one, other))
    return pairs


def _likeness(one: Flag, other: Flag) -> float:
    """0 to 1: equal but for a unit is 1; else how alike the names are, a little more with the same default."""
    stems = _stem(one.name), _stem(other.name)
    if stems[0] and stems[0] == stems[1]:
        # Numbers of two things, such as of steps and of epochs, are two numbers.
        return 0.0 if set(stems[0].split("_")) <= _NUMBERS else 1.0
    alike = SequenceMatcher(a=one.name, b=other.name).ratio()
    if alike < _NEARLY_THE_SAME and not _words(one.name) & _words(other.name):
        return 0.0
    return min(1.0, alike + 0.1) if one.default and same_value(one.default, other.default) else alike - 0.1


def _words(name: str) -> set[str]:
    return set(name.lower().split("_"))


def _stem(name: str) -> str:
    return "_".join(word for word in name.lower().split("_") if word not in _UNITS)


def _unit(name: str) -> str:
    return next((word for word in reversed(name.lower().split("_")) if word in _UNITS), "")


def same_value(reference: str, candidate: str) -> bool:
    """Whether two source texts mean the same value: ``1e-3`` and ``0.001``, a list and a tuple, both quotes."""
    if reference == candidate:
        return True
    values = [_literal(text) for text in (reference, candidate)]
    if None in values:
        return False
    ours, theirs = (tuple(one.value) if isinstance(one.value, list) else one.value for one in values if one)
    return bool(ours == theirs and isinstance(ours, bool) == isinstance(theirs, bool))


@dataclass(frozen=True)
class _Literal:
    value: object


def _literal(text: str) -> _Literal | None:
    try:
        return _Literal(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _is_literal(text: str) -> bool:
    return _literal(text) is not None


# -- steps and features ----------------------------------------------------------------------------------------------


def compare_steps(reference: Sequence[Step], candidate: Sequence[Step]) -> Iterator[SurfaceDifference]:
    """The order of the steps that both training loops make, repetitions left out."""
    ours, theirs = _order(reference), _order(candidate)
    common = [name for name in ours if name in theirs]
    shared = [name for name in theirs if name in ours]
    if common == shared:
        return
    first = next(index for index, names in enumerate(zip(common, shared, strict=True)) if names[0] != names[1])
    places = [
        next(step.place for step in steps if step.name == names[first])
        for steps, names in ((reference, common), (candidate, shared))
    ]
    yield SurfaceDifference(
        kind=SurfaceKind.STEP_ORDER,
        name="training loop",
        reference=" > ".join(common),
        candidate=" > ".join(shared),
        reference_place=places[0],
        candidate_place=places[1],
    )


def _order(steps: Sequence[Step]) -> list[str]:
    return list(dict.fromkeys(step.name for step in steps))


def compare_features(reference: Sequence[Feature], candidate: Sequence[Feature]) -> Iterator[SurfaceDifference]:
    """Features that only one side shows."""
    ours = {feature.name: feature for feature in reference}
    theirs = {feature.name: feature for feature in candidate}
    for name in sorted(ours.keys() - theirs.keys()):
        place = ours[name].place
        yield SurfaceDifference(
            kind=SurfaceKind.FEATURE_MISSING, name=name, reference=name, candidate="", reference_place=place
        )
    for name in sorted(theirs.keys() - ours.keys()):
        place = theirs[name].place
        yield SurfaceDifference(
            kind=SurfaceKind.FEATURE_EXTRA, name=name, reference="", candidate=name, candidate_place=place
        )


# -- definitions -----------------------------------------------------------------------------------------------------


def compare_definitions(
    reference: Sequence[Definition], candidate: Sequence[Definition]
) -> Iterator[SurfaceDifference]:
    """Functions and classes: the same elsewhere is moved, the same under another name renamed."""
    left, right = list(reference), list(candidate)
    stages: tuple[tuple[SurfaceKind | None, Callable[[Definition], tuple[str, ...]]], ...] = (
        (None, lambda one: (one.kind, one.path, one.body, one.signature, one.place.file)),
        (SurfaceKind.DEFINITION_MOVED, lambda one: (one.kind, one.name, one.body)),
        (SurfaceKind.DEFINITION_RENAMED, _substance),
        (SurfaceKind.DEFINITION_CHANGED, lambda one: (one.kind, one.path)),
        (SurfaceKind.DEFINITION_CHANGED, lambda one: (one.kind, _plain(one.name))),
    )
    for kind, key in stages:
        for one, other in _unique_pairs(left, right, key):
            left.remove(one)
            right.remove(other)
            if kind is not None:
                yield _of_definitions(kind, one, other)
    for one in left:
        yield _of_definitions(SurfaceKind.DEFINITION_MISSING, one, None)
    for one in right:
        yield _of_definitions(SurfaceKind.DEFINITION_EXTRA, None, one)


def _substance(one: Definition) -> tuple[str, ...]:
    """Kind and body; of something so short that many say the same, its name too."""
    return (one.kind, one.body) if one.lines > _SHORT else (one.kind, one.body, one.path)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _unique_pairs(
    left: Sequence[Definition], right: Sequence[Definition], key: Callable[[Definition], tuple[str, ...]]
) -> list[tuple[Definition, Definition]]:
    """Definitions whose key only one on each side has."""
    counts = Counter(map(key, left)), Counter(map(key, right))
    theirs = {key(one): one for one in right}
    return [(one, theirs[key(one)]) for one in left if counts[0][key(one)] == 1 == counts[1].get(key(one), 0)]


def _of_definitions(kind: SurfaceKind, reference: Definition | None, candidate: Definition | None) -> SurfaceDifference:
    known = reference or candidate
    assert known is not None
    return SurfaceDifference(
        kind=kind,
        name=known.path,
        reference=_definition_text(reference),
        candidate=_definition_text(candidate),
        reference_place=reference.place if reference else None,
        candidate_place=candidate.place if candidate else None,
    )


def _definition_text(definition: Definition | None) -> str:
    return f"{definition.path}({definition.signature})" if definition else ""
