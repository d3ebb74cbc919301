"""Which keys of two units are compared with each other: tensors, optimizer states by parameter, and all the rest."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from parity.align.checkpoints import Keys, align_others, align_tensors
from parity.align.optimizers import (
    Inventory,
    Optimizer,
    find_inventory,
    hyperparameters,
    optimizer_paths,
    read_optimizer,
    settled,
)
from parity.checkpoint.model import Entry, Path, Unit
from parity.checkpoint.tensors import Tensor
from parity.compare.checkpoint_model import Pair
from parity.compare.sections import Section, section
from parity.compare.tensors import content
from parity.errors import ParityError

_Any = TypeVar("_Any", bound=Entry)


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """Pairs of keys, the keys without a counterpart, and how renamed ones were found."""

    pairs: tuple[Pair, ...]
    missing: tuple[tuple[Path, Entry, Section], ...]
    extra: tuple[tuple[Path, Entry, Section], ...]
    renames: Mapping[Path, str]
    keys: Keys
    optimizers: tuple[tuple[Optimizer, Optimizer], ...]


def pair_up(reference: Unit, candidate: Unit, spare: tuple[Inventory, Inventory]) -> Pairing:
    """Align two units; ``spare`` are the parameters of both sides where a unit holds none itself."""
    roots = _common(optimizer_paths(reference.entries), optimizer_paths(candidate.entries))
    left, right = ([one for one, _ in roots], [other for _, other in roots])
    tensors = _outside(reference.tensors, left), _outside(candidate.tensors, right)
    keys = align_tensors(tensors[0], tensors[1], _content)
    inventories = [
        own if own.shapes else other
        for own, other in zip((find_inventory(one, ()) for one in tensors), spare, strict=True)
    ]
    names = _renamed_parameters(keys, inventories)
    entries = reference.entries, candidate.entries
    optimizers = tuple(
        (ours, settled(ours, read_optimizer(other, candidate.entries, inventories[1]), entries, names))
        for one, other in roots
        for ours in (read_optimizer(one, reference.entries, inventories[0]),)
    )
    rest = _outside(reference.entries, left), _outside(candidate.entries, right)
    plain = [[path for path, entry in side.items() if not isinstance(entry, Tensor)] for side in rest]
    # A tensor may stand where the other side has a plain value.
    crossed = {path: path for path in rest[0] if path in rest[1] and path not in keys.pairs}
    pairs = {**keys.pairs, **align_others(plain[0], plain[1], keys), **crossed}
    renames = {path: keys.methods.get(path, "prefix") for path, other in pairs.items() if path != other}
    for one, other in optimizers:
        matched = dict(_optimizer_pairs(one, other, reference.entries, candidate.entries, names))
        pairs |= matched
    return _pairing(reference, candidate, pairs, renames, keys, optimizers)


def _pairing(
    reference: Unit,
    candidate: Unit,
    pairs: Mapping[Path, Path],
    renames: Mapping[Path, str],
    keys: Keys,
    optimizers: tuple[tuple[Optimizer, Optimizer], ...],
) -> Pairing:
    ours, theirs = [one.path for one, _ in optimizers], [other.path for _, other in optimizers]
    skipped = [_bookkeeping(side.entries, roots) for side, roots in ((reference, ours), (candidate, theirs))]
    taken = set(pairs.values())
    return Pairing(
        pairs=tuple(
            Pair(
                key=path,
                candidate_key=pairs[path],
                reference=entry,
                candidate=candidate.entries[pairs[path]],
                section=section(path, entry, ours, reference.name),
            )
            for path, entry in reference.entries.items()
            if path in pairs and path not in skipped[0]
        ),
        missing=tuple(
            (path, entry, section(path, entry, ours, reference.name))
            for path, entry in reference.entries.items()
            if path not in pairs and path not in skipped[0]
        ),
        extra=tuple(
            (path, entry, section(path, entry, theirs, candidate.name))
            for path, entry in candidate.entries.items()
            if path not in taken and path not in skipped[1]
        ),
        renames=renames,
        keys=keys,
        optimizers=optimizers,
    )


def _common(ours: list[Path], theirs: list[Path]) -> list[tuple[Path, Path]]:
    """Optimizers at the same place, then the others in order."""
    same = [path for path in ours if path in theirs]
    rest = [path for path in ours if path not in same], [path for path in theirs if path not in same]
    return [*((path, path) for path in same), *zip(*rest, strict=False)]


def _outside(entries: Mapping[Path, _Any], roots: list[Path]) -> dict[Path, _Any]:
    return {path: entry for path, entry in entries.items() if not any(path[: len(root)] == root for root in roots)}


def _content(tensor: Tensor) -> object:
    """What identifies a tensor; one that cannot be read is like no other."""
    try:
        return content(tensor)
    except ParityError:
        return object()


def _renamed_parameters(keys: Keys, inventories: list[Inventory]) -> dict[str, str]:
    """The candidate's name of each parameter of the reference."""
    path = inventories[0].path
    return {name: str(keys.pairs.get((*path, name), (name,))[-1]) for name, _ in inventories[0].shapes}


def _optimizer_pairs(
    ours: Optimizer,
    theirs: Optimizer,
    reference: Mapping[Path, Entry],
    candidate: Mapping[Path, Entry],
    names: Mapping[str, str],
) -> Iterator[tuple[Path, Path]]:
    """Keys of the same state of the same parameter, and of the same setting of groups that share a parameter."""
    numbers = {name: number for number, name in theirs.names.items()}
    names = theirs.heard(names)
    partner = {one: numbers.get(names.get(name, name)) for one, name in ours.names.items()}
    depth = len(ours.path)
    for path in reference:
        if path[:depth] != ours.path:
            continue
        tail = path[depth:]
        if tail[:1] == ("state",) and len(tail) > 1:
            other = partner.get(tail[1])
            moved = (*theirs.path, "state", other, *tail[2:]) if other is not None else ()
        elif tail[:1] == ("param_groups",) and len(tail) > 1:
            continue
        else:
            moved = (*theirs.path, *tail)
        if moved in candidate:
            yield path, moved
    for group, other_group in group_partners(ours, theirs, names).items():
        yield (*ours.path, "param_groups", group), (*theirs.path, "param_groups", other_group)
        settings = hyperparameters(ours.path, reference).get(group, {})
        known = hyperparameters(theirs.path, candidate).get(other_group, {})
        for tail in settings.keys() & known.keys():
            yield (*ours.path, "param_groups", group, *tail), (*theirs.path, "param_groups", other_group, *tail)


def group_partners(ours: Optimizer, theirs: Optimizer, names: Mapping[str, str]) -> dict[int, int]:
    """For each group the candidate's group that shares the most parameters with it."""
    there = theirs.group_of()
    shared: dict[tuple[int, int], int] = {}
    for name, group in ours.group_of().items():
        other = there.get(names.get(name, name))
        if other is not None:
            shared[group, other] = shared.get((group, other), 0) + 1
    found: dict[int, int] = {}
    for group, other in sorted(shared, key=lambda pair: (-shared[pair], pair)):
        if group not in found and other not in found.values():
            found[group] = other
    return found


def _bookkeeping(entries: Mapping[Path, Entry], roots: list[Path]) -> set[Path]:
    """The lists of numbers by which an optimizer refers to parameters; they are compared as names."""
    ends = ("params", "param_names")
    return {
        path
        for path in entries
        for root in roots
        if path[: len(root) + 1] == (*root, "param_groups") and len(path) == len(root) + 3 and path[-1] in ends
    }
