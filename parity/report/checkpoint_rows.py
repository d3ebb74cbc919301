"""Differences of two checkpoints folded into rows: what happened alike to many keys is said once."""

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final, TypeVar

from parity.compare.checkpoint_model import Aspect, CheckpointComparison, CheckpointDifference, UnitComparison
from parity.compare.sections import Section
from parity.compare.tensors import Statistics
from parity.report.wording import count

_FEW: Final = 2
_ALONE: Final = frozenset({Aspect.MISSING, Aspect.EXTRA})
_NUMBER: Final = re.compile(r"(?<![^.\[])#?\d+(?![^.\]])")
_SEPARATORS: Final = re.compile(r"([.\[\]]+)")
_FEWEST_DIGITS: Final = 6
_DIGITS: Final = 17
_COUNTABLE: Final = 1_000_000
_Any = TypeVar("_Any")
Group = list[CheckpointDifference]
Units = Mapping[str, UnitComparison]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One kind of difference: at which keys and at how many, in what, what both sides have, and how much it is."""

    section: Section
    key: str
    keys: int
    aspect: Aspect
    sides: str
    size: str


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What became of the keys of one section; a key that only moved counts as renamed, and not as different."""

    section: Section
    identical: int
    different: int
    renamed: int
    missing: int
    extra: int


def tallies(comparison: CheckpointComparison) -> list[Tally]:
    """One line for each section that has keys, in the order of sections."""
    found = comparison.differences
    present = {pair.section for unit in comparison.units for pair in unit.pairs} | {one.section for one in found}
    return [_tally(comparison, found, section) for section in Section if section in present]


def _tally(comparison: CheckpointComparison, found: Sequence[CheckpointDifference], section: Section) -> Tally:
    aspects: dict[Hashable, set[Aspect]] = {}
    for one in found:
        if one.section is section:
            aspects.setdefault((one.unit, one.key), set()).add(one.aspect)
    missing, extra = (sum(aspect in some for some in aspects.values()) for aspect in (Aspect.MISSING, Aspect.EXTRA))
    renamed = sum(some == {Aspect.NAME} for some in aspects.values())
    pairs = [(unit.reference.name, pair.key) for unit in comparison.units for pair in unit.pairs]
    here = [pair.section is section for unit in comparison.units for pair in unit.pairs]
    return Tally(
        section=section,
        identical=sum(inside and pair not in aspects for pair, inside in zip(pairs, here, strict=True)),
        different=len(aspects) - missing - extra - renamed,
        renamed=renamed,
        missing=missing,
        extra=extra,
    )


def rows(differences: Sequence[CheckpointDifference], units: Units) -> list[Row]:
    """Fold ``differences``, in their order: layers that differ alike, then keys that became the same thing."""
    layers = _grouped(_outermost(differences), lambda one: _layer(one, units))
    alike = _grouped(layers, lambda group: _likeness(group[0]))
    # Two or three names say more than a pattern.
    folded = [one for some in alike for one in ([[*chain.from_iterable(some)]] if len(some) > _FEW else some)]
    return [_row(group, units) for group in folded]


def _outermost(differences: Sequence[CheckpointDifference]) -> list[CheckpointDifference]:
    """Without what is missing or extra because all that it was in is."""
    gone = {(one.unit, one.aspect, one.key): 0 for one in differences if one.aspect in _ALONE}

    def outer(one: CheckpointDifference) -> int | None:
        """The depth of the outermost part of its key that is gone as a whole."""
        return next((at for at in range(1, len(one.key)) if (one.unit, one.aspect, one.key[:at]) in gone), None)

    kept = []
    for one in differences:
        at = outer(one) if one.aspect in _ALONE else None
        if at is None:
            kept.append(one)
        else:
            gone[one.unit, one.aspect, one.key[:at]] += 1
    inside = [gone.get((one.unit, one.aspect, one.key), 0) for one in kept]
    return [
        replace(one, note=f"with {count(number, 'key')} in it") if number else one
        for one, number in zip(kept, inside, strict=True)
    ]


def _grouped(items: Sequence[_Any], identity: Callable[[_Any], Hashable]) -> list[list[_Any]]:
    found: dict[Hashable, list[_Any]] = {}
    for item in items:
        found.setdefault(identity(item), []).append(item)
    return list(found.values())


def _spelled(one: CheckpointDifference, units: Units) -> str:
    return units[one.unit].spelled(one.key) if one.unit in units and one.section is not Section.FILES else one.unit


def _many(one: CheckpointDifference) -> bool:
    """Whether it is about the elements of a tensor, which are no two times the same."""
    return one.statistics is not None and one.statistics.compared > 1


def _layer(one: CheckpointDifference, units: Units) -> Hashable:
    """What keys have in common that differ by the number of their layer only."""
    sides = () if _many(one) or one.aspect is Aspect.NAME else (one.reference, one.candidate)
    pattern = _NUMBER.sub("*", _spelled(one, units), count=1)
    return one.unit, one.section, one.aspect, pattern, sides, one.note


def _likeness(one: CheckpointDifference) -> Hashable:
    """What keys have in common that became the same thing; nothing where they hold numbers of their own."""
    if _many(one) or one.section is Section.FILES:
        return id(one)
    sides = () if one.aspect is Aspect.NAME else (one.reference, one.candidate)
    return one.unit, one.section, one.aspect, sides, one.note


def _row(group: Group, units: Units) -> Row:
    first = group[0]
    return Row(
        section=first.section,
        key=common([_spelled(one, units) for one in group]),
        keys=len(group),
        aspect=first.aspect,
        sides=_sides(group),
        size=", ".join(
            part for part in (_size([one.statistics for one in group if one.statistics]), first.note) if part
        ),
    )


def common(names: Sequence[str]) -> str:
    """What ``names`` have in common: whole parts at both ends, and a star for what is between them."""
    parts = [_SEPARATORS.split(name) for name in names]
    shortest = min(map(len, parts))
    start = _alike(parts, range(shortest))
    if start == max(map(len, parts)):
        return names[0]
    end = _alike(parts, range(-1, start - shortest - 1, -1))
    first = parts[0]
    return "".join([*first[:start], "*", *first[len(first) - end :]])


def _alike(parts: Sequence[Sequence[str]], places: range) -> int:
    """How many of ``places``, from the first on, are the same in all."""
    return next((at for at, place in enumerate(places) if len({one[place] for one in parts}) > 1), len(places))


def _sides(group: Group) -> str:
    first = group[0]
    if first.aspect is Aspect.NAME:
        return f"-> {common([one.candidate or '' for one in group])}"
    if first.statistics is not None:
        reference, candidate = told_apart(first.statistics.reference, first.statistics.candidate)
    elif first.reference is None or first.candidate is None:
        return first.reference or first.candidate or ""
    else:
        reference, candidate = first.reference, first.candidate
    return f"{'first ' if len(group) > 1 and _many(first) else ''}{reference} -> {candidate}"


def told_apart(reference: object, candidate: object) -> tuple[str, str]:
    """Two values with as many digits as it takes to tell them apart, six at least."""
    if not (isinstance(reference, float) and isinstance(candidate, float)):
        return repr(reference), repr(candidate)
    for digits in range(_FEWEST_DIGITS, _DIGITS):
        sides = f"{reference:.{digits}g}", f"{candidate:.{digits}g}"
        if sides[0] != sides[1]:
            return sides
    return repr(reference), repr(candidate)


def _size(found: Sequence[Statistics]) -> str:
    """How much tensors differ: how many elements, and the largest distances of all."""
    if not found:
        return ""
    differing, compared = (sum(getattr(one, name) for one in found) for name in ("differing", "compared"))
    parts = []
    if compared > len(found):
        inside = f" in {count(len(found), 'tensor')}" if len(found) > 1 else f", first at {list(found[0].first)}"
        parts.append(f"{differing:,} of {count(compared, 'element')}{inside}")
    for name in ("absolute", "relative"):
        sizes = [size for one in found if (size := getattr(one, name)) is not None]
        parts += [f"{name} {_up_to(sizes)}{max(sizes):.4g}"] if sizes else []
    cosines = [one.cosine for one in found if one.cosine is not None and one.compared > 1]
    parts += [f"cosine {_up_to(cosines, 'down to ')}{min(cosines):.6g}"] if cosines else []
    ulps = [one.ulp for one in found if one.ulp is not None]
    parts += [f"{_up_to(ulps)}{_steps(max(ulps))}"] if ulps else []
    ours, theirs = (sum(one.not_finite[side] for one in found) for side in (0, 1))
    return ", ".join([*parts, f"not finite {ours:,} -> {theirs:,}"] if ours or theirs else parts)


def _up_to(sizes: Sequence[float], words: str = "up to ") -> str:
    return words if len(set(sizes)) > 1 else ""


def _steps(ulp: int) -> str:
    return f"{ulp:,} ULP" if ulp < _COUNTABLE else f"{ulp:.1e} ULP"
