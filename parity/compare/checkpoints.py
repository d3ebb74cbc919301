"""Comparing two checkpoints: files, keys, forms, ties, and every value bit for bit."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from parity.align.optimizers import Inventory, find_inventory, optimizer_paths
from parity.checkpoint.model import Checkpoint, Container, Entry, Leaf, Path, Unit
from parity.checkpoint.tensors import Tensor
from parity.compare.checkpoint_model import (
    Aspect,
    CheckpointComparison,
    CheckpointDifference,
    KeyNotCompared,
    Pair,
    UnitComparison,
)
from parity.compare.leaves import described, first_difference
from parity.compare.pairs import Pairing, pair_up
from parity.compare.sections import Section
from parity.compare.structures import changes
from parity.compare.tensors import Tick, equal_bits, measure, quiet
from parity.errors import ParityError

_UNORDERED: Final = frozenset({"safetensors", "sharded"})
_Difference = Callable[..., CheckpointDifference]


def compare_checkpoints(reference: Checkpoint, candidate: Checkpoint, *, tick: Tick = quiet) -> CheckpointComparison:
    """Measure everything in which two checkpoints differ; ``tick`` is told the bytes of tensors that are done."""
    partners = _align_units(reference.units, candidate.units)
    spare = _spare(reference), _spare(candidate)
    units = tuple(compare_units(one, other, spare, tick=tick) for one, other in partners)
    paired = {id(unit) for couple in partners for unit in couple}
    missing = [unit for unit in reference.units if id(unit) not in paired]
    extra = [unit for unit in candidate.units if id(unit) not in paired]
    return CheckpointComparison(
        reference=reference,
        candidate=candidate,
        units=units,
        files=(*(_file(unit, Aspect.MISSING) for unit in missing), *(_file(unit, Aspect.EXTRA) for unit in extra)),
        not_compared_files=tuple(
            one
            for side, alone in (("reference", missing), ("candidate", extra))
            for unit in alone
            for one in _unread(unit, side)
        ),
    )


def compare_units(
    reference: Unit, candidate: Unit, spare: tuple[Inventory, Inventory], *, tick: Tick = quiet
) -> UnitComparison:
    """Measure everything in which two units differ."""
    pairing = pair_up(reference, candidate, spare)
    lost: list[KeyNotCompared] = [*_unread(reference, "reference"), *_unread(candidate, "candidate")]
    unread = {one.key for one in lost}
    differences = [*_unpaired(reference.name, pairing, unread), *_ties(reference.name, pairing)]
    differences += _regrouped(reference.name, pairing)
    equal: dict[tuple[object, ...], bool] = {}
    for pair in pairing.pairs:
        try:
            differences += _compare_pair(reference.name, pair, pairing.renames, equal, tick)
        except ParityError as error:
            reason = str(error)[:400]
            lost.append(KeyNotCompared(unit=reference.name, side="both", key=pair.key, slug=error.slug, reason=reason))
    return UnitComparison(
        reference=reference,
        candidate=candidate,
        pairs=pairing.pairs,
        differences=tuple(differences),
        not_compared=tuple(lost),
        renames=pairing.renames,
        prefixes=tuple(prefix.title for prefix in pairing.keys.prefixes),
        optimizers=pairing.optimizers,
    )


def _align_units(reference: tuple[Unit, ...], candidate: tuple[Unit, ...]) -> list[tuple[Unit, Unit]]:
    """Units of one name, then of one name without folder and ending, then the only ones left that hold tensors."""
    found: list[tuple[Unit, Unit]] = []
    left, right = list(reference), list(candidate)
    if len(left) == len(right) == 1:
        return [(left[0], right[0])]
    for identity in (lambda unit: unit.name, lambda unit: _stem(unit.name), lambda unit: bool(unit.tensors)):
        for unit in list(left):
            here = [one for one in left if identity(one) == identity(unit)]
            there = [one for one in right if identity(one) == identity(unit)]
            if len(here) == len(there) == 1 and identity(unit):
                found.append((unit, there[0]))
                left.remove(unit)
                right.remove(there[0])
    return found


def _stem(name: str) -> str:
    return name.rpartition("/")[2].partition(".")[0]


def _spare(checkpoint: Checkpoint) -> Inventory:
    """The parameters of the largest model in any unit that keeps them in order."""
    found = [
        find_inventory(unit.tensors, optimizer_paths(unit.entries))
        for unit in checkpoint.units
        if unit.format not in _UNORDERED
    ]
    return max(found, key=lambda one: len(one.shapes), default=Inventory((), ()))


def _file(unit: Unit, aspect: Aspect) -> CheckpointDifference:
    words = f"{unit.format}, {unit.nbytes:,} bytes in {len(unit.files)} file{'s' * (len(unit.files) != 1)}"
    missing = aspect is Aspect.MISSING
    return CheckpointDifference(
        unit=unit.name,
        section=Section.FILES,
        aspect=aspect,
        key=(),
        candidate_key=(),
        reference=words if missing else None,
        candidate=None if missing else words,
    )


def _unread(unit: Unit, side: str) -> Iterator[KeyNotCompared]:
    for one in unit.unreadable:
        yield KeyNotCompared(unit=unit.name, side=side, key=one.key, slug=one.slug, reason=one.reason)


def _unpaired(name: str, pairing: Pairing, unread: set[Path]) -> Iterator[CheckpointDifference]:
    """Keys that only one side has. What could not be read on the other side is not missing there."""
    sides = ((pairing.missing, Aspect.MISSING), (pairing.extra, Aspect.EXTRA))
    for (path, entry, where), aspect in ((one, aspect) for found, aspect in sides for one in found):
        if any(path[:depth] in unread for depth in range(len(path) + 1)):
            continue
        missing = aspect is Aspect.MISSING
        yield CheckpointDifference(
            unit=name,
            section=where,
            aspect=aspect,
            key=path,
            candidate_key=path,
            reference=in_words(entry) if missing else None,
            candidate=None if missing else in_words(entry),
        )


def in_words(entry: Entry) -> str:
    """What a key holds, in a few words."""
    if isinstance(entry, Tensor):
        return f"{entry.kind} {entry.dtype.name} {list(entry.shape)}"
    return f"{entry.type} {described(entry)}" if isinstance(entry, Leaf) else entry.kind


def _compare_pair(
    name: str, pair: Pair, renames: Mapping[Path, str], equal: dict[tuple[object, ...], bool], tick: Tick
) -> Iterator[CheckpointDifference]:
    def difference(aspect: Aspect, ours: str, theirs: str, **more: object) -> CheckpointDifference:
        return CheckpointDifference(
            unit=name,
            section=pair.section,
            aspect=aspect,
            key=pair.key,
            candidate_key=pair.candidate_key,
            reference=ours,
            candidate=theirs,
            **more,  # type: ignore[arg-type]
        )

    ours, theirs = pair.reference, pair.candidate
    if pair.key in renames and not isinstance(ours, Container):
        spelled = [".".join(str(part) for part in path) for path in (pair.key, pair.candidate_key)]
        yield difference(Aspect.NAME, spelled[0], spelled[1], note=renames[pair.key])
    if isinstance(ours, Tensor) and isinstance(theirs, Tensor):
        yield from _compare_tensors(difference, ours, theirs, equal, tick)
    elif isinstance(ours, Leaf) and isinstance(theirs, Leaf):
        at = first_difference(ours, theirs)
        if ours.type != theirs.type:
            yield difference(Aspect.TYPE, in_words(ours), in_words(theirs))
        elif at is not None:
            yield difference(Aspect.VALUE, described(ours, at), described(theirs, at), note=changes(ours, theirs))
    elif not (isinstance(ours, Container) and isinstance(theirs, Container) and ours.family == theirs.family):
        yield difference(Aspect.TYPE, in_words(ours), in_words(theirs))


def _compare_tensors(
    difference: _Difference, ours: Tensor, theirs: Tensor, equal: dict[tuple[object, ...], bool], tick: Tick
) -> Iterator[CheckpointDifference]:
    if ours.kind != theirs.kind:
        yield difference(Aspect.TYPE, in_words(ours), in_words(theirs))
    if ours.shape != theirs.shape:
        yield difference(Aspect.SHAPE, str(list(ours.shape)), str(list(theirs.shape)))
        return
    if ours.layout != theirs.layout:
        yield difference(Aspect.STRIDES, str(list(ours.stride)), str(list(theirs.stride)))
    if ours.dtype == theirs.dtype:
        # Tied tensors are looked at once.
        sides = ((one.storage, one.offset, one.stride, one.shape, one.dtype) for one in (ours, theirs))
        window = tuple(sides)
        if window not in equal:
            equal[window] = equal_bits(ours, theirs, tick)
        if equal[window]:
            return
    else:
        yield difference(Aspect.DTYPE, ours.dtype.name, theirs.dtype.name)
    found = measure(ours, theirs, tick)
    if found.differing:
        yield difference(Aspect.VALUE, repr(found.reference), repr(found.candidate), statistics=found)


def _ties(name: str, pairing: Pairing) -> Iterator[CheckpointDifference]:
    """Tensors that share bytes on one side only."""
    couples = {pair.key: pair for pair in pairing.pairs}
    here = tie_groups({key: pair.reference for key, pair in couples.items()})
    there = tie_groups({key: pair.candidate for key, pair in couples.items()})
    for group in here | there:
        if group in here and group in there:
            continue
        if any(group < other for other in (there if group in here else here)):
            continue
        keys = sorted(group, key=str)
        names = ", ".join(".".join(str(part) for part in key) for key in keys[:4])
        apart = "separate tensors"
        yield CheckpointDifference(
            unit=name,
            section=couples[keys[0]].section,
            aspect=Aspect.TIES,
            key=keys[0],
            candidate_key=couples[keys[0]].candidate_key,
            reference=f"one storage: {names}" if group in here else apart,
            candidate=f"one storage: {names}" if group in there else apart,
        )


def tie_groups(entries: Mapping[Path, Entry]) -> set[frozenset[Path]]:
    """Keys whose tensors show the same bytes, as sets of two or more."""
    places: dict[tuple[str, int], set[Path]] = {}
    for path, entry in entries.items():
        if isinstance(entry, Tensor) and entry.size and entry.storage:
            places.setdefault((entry.storage, entry.offset), set()).add(path)
    return {frozenset(paths) for paths in places.values() if len(paths) > 1}


def _regrouped(name: str, pairing: Pairing) -> Iterator[CheckpointDifference]:
    """Optimizers whose parameters are in other groups, or in another order; both change what loads into what."""
    renamed = {str(path[-1]): str(other[-1]) for path, other in pairing.keys.pairs.items() if path and other}
    for ours, theirs in pairing.optimizers:
        names = theirs.heard(renamed)
        here = [[names.get(ours.names[one], ours.names[one]) for one in group] for group in ours.groups]
        there = [[theirs.names[one] for one in group] for group in theirs.groups]
        if here == there:
            continue
        moved = {frozenset(group) for group in here} != {frozenset(group) for group in there}
        yield CheckpointDifference(
            unit=name,
            section=Section.OPTIMIZER,
            aspect=Aspect.GROUPS,
            key=(*ours.path, "param_groups"),
            candidate_key=(*theirs.path, "param_groups"),
            reference=f"groups of {[len(group) for group in here]} parameters",
            candidate=f"groups of {[len(group) for group in there]} parameters",
            note=f"{'regrouped' if moved else 'reordered'}; parameters known by {ours.method}",
        )
