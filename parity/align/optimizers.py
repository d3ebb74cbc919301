"""Which parameter each entry of an optimizer's state belongs to.

An optimizer stores its state under numbers that only its groups give a meaning. Two trainers that group the same
parameters differently number them differently, so states are compared by the parameter's name.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from parity.checkpoint.model import Entry, Leaf, Path
from parity.checkpoint.tensors import Tensor

_BUFFERS: Final = ("running_mean", "running_var", "num_batches_tracked")
_NOT_HYPERPARAMETERS: Final = frozenset({"params", "param_names"})
_BY_SHAPE: Final = "order and shape"
_BY_POSITION: Final = "position"
Shape = tuple[int, ...]
Identifier = int | str


@dataclass(frozen=True)
class Optimizer:
    """One optimizer's state: where it is, the names of its parameters group by group, and how they were found."""

    path: Path
    groups: tuple[tuple[Identifier, ...], ...]
    names: Mapping[Identifier, str]
    method: str

    def heard(self, names: Mapping[str, str]) -> dict[str, str]:
        """Of renamed parameters, those that this optimizer knows by the new name; it may have kept the old ones."""
        known = set(self.names.values())
        return {name: other for name, other in names.items() if other in known}

    def group_of(self) -> dict[str, int]:
        """The group that each parameter is in, in the order of the optimizer."""
        return {self.names[one]: index for index, group in enumerate(self.groups) for one in group}


@dataclass(frozen=True)
class Inventory:
    """Names and shapes of the parameters of a model in its own order; ``path`` is where the model is."""

    path: Path
    shapes: tuple[tuple[str, Shape], ...]


def find_inventory(tensors: Mapping[Path, Tensor], optimizers: Iterable[Path]) -> Inventory:
    """The largest dictionary of tensors outside optimizers, without buffers and without second names of one tensor."""
    roots = list(optimizers)
    models: dict[Path, dict[str, Tensor]] = {}
    for path, tensor in tensors.items():
        if path and not any(path[: len(root)] == root for root in roots) and "ema" not in str(path[:-1]).lower():
            models.setdefault(path[:-1], {})[str(path[-1])] = tensor
    if not models:
        return Inventory((), ())
    where, members = max(models.items(), key=lambda item: len(item[1]))
    seen: set[tuple[str, int]] = set()
    shapes: list[tuple[str, Shape]] = []
    for name, tensor in members.items():
        place = tensor.storage, tensor.offset
        if not name.endswith(_BUFFERS) and place not in seen:
            seen.add(place)
            shapes.append((name, tensor.shape))
    return Inventory(where, tuple(shapes))


def optimizer_paths(entries: Mapping[Path, Entry]) -> list[Path]:
    """Where the optimizers of a file are."""
    ends = ("param_groups", 0, "params")
    return [path[:-3] for path in entries if path[-3:] == ends]


def read_optimizer(path: Path, entries: Mapping[Path, Entry], inventory: Inventory) -> Optimizer:
    """The optimizer at ``path``: by the names that it stores, or by the order and the shapes of its state."""
    groups = tuple(_members(path, entries, "params"))
    order = [one for group in groups for one in group]
    if order and all(isinstance(one, str) for one in order):
        return Optimizer(path, groups, {one: str(one) for one in order}, "names of parameters")
    stored = [name for group in _members(path, entries, "param_names") for name in group]
    if len(stored) == len(order) == len(set(stored)):
        names = {one: str(name) for one, name in zip(order, stored, strict=True)}
        return Optimizer(path, groups, names, "stored names")
    shapes = _state_shapes(path, entries)
    found = _by_shape(groups, shapes, inventory)
    if found is not None:
        return Optimizer(path, groups, found, _BY_SHAPE)
    return Optimizer(path, groups, {one: f"#{position}" for position, one in enumerate(order)}, _BY_POSITION)


def settled(
    ours: Optimizer,
    theirs: Optimizer,
    entries: tuple[Mapping[Path, Entry], Mapping[Path, Entry]],
    names: Mapping[str, str],
) -> Optimizer:
    """``theirs``, known by its positions where shapes mislead and only positions fit.

    A model whose weights are transposed has its parameters' shapes exchanged, while the state of its optimizer may not.
    ``names`` are the candidate's names of the reference's parameters.
    """
    if not ours.method == theirs.method == _BY_SHAPE or ours.groups != theirs.groups:
        return theirs
    here, there = (_state_shapes(one.path, side) for one, side in zip((ours, theirs), entries, strict=True))
    numbers = {name: number for number, name in theirs.names.items()}
    renamed = {one: names.get(name, name) for one, name in ours.names.items()}
    fits = all(here[one] == there.get(numbers.get(name, one)) for one, name in renamed.items())
    return theirs if fits or here != there else replace(theirs, names=renamed, method=_BY_POSITION)


def hyperparameters(path: Path, entries: Mapping[Path, Entry]) -> dict[int, dict[Path, Entry]]:
    """Settings of each group, by what follows the group in their key."""
    found: dict[int, dict[Path, Entry]] = {}
    start = len(path) + 1
    for key, entry in entries.items():
        inside = key[:start] == (*path, "param_groups") and len(key) > start + 1
        if inside and isinstance(key[start], int) and key[start + 1] not in _NOT_HYPERPARAMETERS:
            found.setdefault(int(key[start]), {})[key[start + 1 :]] = entry
    return found


def _members(path: Path, entries: Mapping[Path, Entry], name: str) -> Iterator[tuple[Identifier, ...]]:
    index = 0
    while isinstance(leaf := entries.get((*path, "param_groups", index, name)), Leaf):
        values = leaf.value if isinstance(leaf.value, tuple) else ()
        yield tuple(one for one in values if isinstance(one, int | str))
        index += 1


def _state_shapes(path: Path, entries: Mapping[Path, Entry]) -> dict[Identifier, Shape]:
    """The largest tensor among the state of each parameter has the parameter's shape."""
    found: dict[Identifier, Shape] = {}
    start = len(path) + 1
    for key, entry in entries.items():
        if isinstance(entry, Tensor) and len(key) > start and key[:start] == (*path, "state"):
            known = found.get(key[start], ())
            found[key[start]] = max(known, entry.shape, key=len)
    return found


def _by_shape(
    groups: tuple[tuple[Identifier, ...], ...], shapes: Mapping[Identifier, Shape], inventory: Inventory
) -> dict[Identifier, str] | None:
    """Give each parameter of each group the next unused name of its shape; None where one finds none."""
    queues: dict[Shape, list[str]] = {}
    for name, shape in reversed(inventory.shapes):
        queues.setdefault(shape, []).append(name)
    found: dict[Identifier, str] = {}
    for one in (one for group in groups for one in group):
        queue = queues.get(shapes[one]) if one in shapes else None
        if not queue:
            return None
        found[one] = queue.pop()
    return found
