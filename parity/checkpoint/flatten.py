"""From a tree of nodes to a flat index of keys, in bounded time and memory whatever refers to what.

A pickle of a hundred bytes can describe a tree of 2**40 leaves by referring to the same list again and again. A large
object that was written out already is therefore a reference to the key where it was met first.
"""

from collections.abc import Iterator
from typing import TypeAlias

from parity.checkpoint.limits import DEPTH, ENTRIES, REPEATED
from parity.checkpoint.model import Container, Entry, Leaf, Path, Unreadable, spelled, unreadable
from parity.checkpoint.nodes import Dictionary, Global, Node, Persistent, Primitive, Record, Sequence
from parity.checkpoint.rebuild import Meaning, Storages, meaning, no_storages
from parity.checkpoint.tensors import Tensor
from parity.errors import CheckpointTooLargeError, ParityError

_PRIMITIVES = (type(None), bool, int, float, str, bytes)
_UNORDERED = frozenset({"set", "frozenset"})
_ELEMENTS_OF_A_KEY = 16
_RANKED = 200
_RANKED_ITEMS = 16
_Child: TypeAlias = tuple[str | int, Node]


def flatten(root: Node, storages: Storages = no_storages) -> tuple[dict[Path, Entry], tuple[Unreadable, ...]]:
    """Every key below ``root`` with what it holds, and the parts that could not be understood."""
    return _Flattening(storages).run(root)


class _Flattening:
    def __init__(self, storages: Storages) -> None:
        self._storages = storages
        self._entries: dict[Path, Entry] = {}
        self._unreadable: list[Unreadable] = []
        self._met: dict[int, Path] = {}
        self._meanings: dict[int, Meaning] = {}
        self._extents: dict[int, int] = {}
        self._open: set[int] = set()
        # Nodes that are made on the way must live as long as their identity is used.
        self._kept: list[Node] = []
        self._weight = 0
        self._counted: set[int] = set()

    def run(self, root: Node) -> tuple[dict[Path, Entry], tuple[Unreadable, ...]]:
        stack: list[tuple[Path, Node, bool]] = [((), root, False)]
        while stack:
            path, node, done = stack.pop()
            if done:
                self._open.discard(id(node))
                self._extents[id(node)] = self._weight - self._extents[id(node)]
                continue
            if self._weight >= ENTRIES:
                message = f"there are more than {ENTRIES:,} keys; those after {spelled(path)[:200]} were not read"
                self._unreadable.append(unreadable(CheckpointTooLargeError(message), path))
                break
            self._weight += 1
            children = self._visit(path, node)
            if children is None:
                continue
            self._open.add(id(node))
            self._extents[id(node)] = self._weight
            stack.append((path, node, True))
            stack.extend(((*path, name), child, False) for name, child in reversed(children))
        return self._entries, tuple(self._unreadable)

    def _visit(self, path: Path, node: Node) -> list[_Child] | None:
        """Enter what is at ``path``; return its children where they are to be visited too."""
        if isinstance(node, _PRIMITIVES) and not (isinstance(node, str | bytes) and len(node) > REPEATED):
            self._entries[path] = Leaf(type(node).__name__, node)
            return None
        if self._is_reference(node):
            self._entries[path] = Leaf("reference", spelled(self._met[id(node)]))
            return None
        if len(path) > DEPTH:
            error = CheckpointTooLargeError(f"objects are nested more than {DEPTH} levels deep")
            self._unreadable.append(unreadable(error, path))
            return None
        self._met.setdefault(id(node), path)
        self._kept.append(node)
        try:
            found = self._meaning(node)
        except ParityError as error:
            self._unreadable.append(unreadable(error, path))
            return None
        if isinstance(found, Tensor | Leaf):
            self._entries[path] = found
            return None
        if isinstance(found, _PRIMITIVES):
            self._extents[id(node)] = len(found) if isinstance(found, str | bytes) else 0
            self._entries[path] = Leaf(type(found).__name__, found)
            return None
        return self._children(path, node, found)

    def _meaning(self, node: Node) -> Meaning:
        if id(node) not in self._meanings:
            self._meanings[id(node)] = meaning(node, self._storages)
        return self._meanings[id(node)]

    def _is_reference(self, node: Node) -> bool:
        return id(node) in self._open or self._extents.get(id(node), 0) > REPEATED

    def _children(self, path: Path, node: Node, found: Meaning) -> list[_Child] | None:
        if isinstance(found, Tensor):
            return None
        if isinstance(found, Sequence):
            plain = tuple(item for item in found.items if isinstance(item, _PRIMITIVES))
            if len(plain) == len(found.items):
                self._extents[id(node)] = len(plain)
                self._weight += len(plain) // _ELEMENTS_OF_A_KEY if id(node) in self._counted else 0
                self._counted.add(id(node))
                self._entries[path] = Leaf(found.kind, _ordered(found.kind, plain))
                return None
            self._entries[path] = Container(found.kind)
            items = found.items
            if found.kind in _UNORDERED and len(items) <= REPEATED:
                items = sorted(items, key=_rank)
            return list(enumerate(items))
        if isinstance(found, Dictionary):
            self._entries[path] = Container(found.kind)
            return _unique((_name(key), value) for key, value in found.pairs)
        if isinstance(found, Record):
            self._entries[path] = Container(found.name or "call")
            return _unique(_parts(found))
        return None


def _unique(children: Iterator[_Child]) -> list[_Child]:
    """One child per key: the last one counts."""
    return list(dict(children).items())


def _ordered(kind: str, plain: tuple[Primitive, ...]) -> tuple[Primitive, ...]:
    """The elements of a set in an order that does not depend on hashes, once each; all others as they are."""
    return tuple(sorted(set(plain), key=_rank)) if kind in _UNORDERED else plain


def _rank(node: Node) -> tuple[str, str]:
    """What an element of a set is sorted by. Elements that are no more than alike keep their order."""
    if isinstance(node, str | bytes):
        return type(node).__name__, repr(node[:_RANKED])
    if isinstance(node, int):
        return type(node).__name__, f"{node:x}" if node.bit_length() < _RANKED else f"{node.bit_length()} bits"
    if isinstance(node, Sequence):
        return node.kind, ", ".join(_rank(one)[1] for one in node.items[:_RANKED_ITEMS] if isinstance(one, _PRIMITIVES))
    if isinstance(node, Global | Record):
        return type(node).__name__, node.name
    return type(node).__name__, repr(node) if isinstance(node, _PRIMITIVES) else ""


def _parts(record: Record) -> Iterator[_Child]:
    """What an unknown object is made of: its attributes by name, its arguments, items and keys."""
    if not record.name:
        yield "(called)", record.callee
    arguments = record.arguments
    if not isinstance(arguments, Sequence) or arguments.items:
        yield "(arguments)", arguments
    for state in record.state:
        halves = state.items if isinstance(state, Sequence) and len(state.items) == 2 else [state]
        for half in halves:
            if isinstance(half, Dictionary):
                yield from ((_name(key), value) for key, value in half.pairs)
            elif half is not None:
                yield "(state)", half
    if record.items:
        yield "(items)", Sequence("list", record.items)
    yield from ((_name(key), value) for key, value in record.pairs)


def _name(key: Node) -> str | int:
    """A key as a part of a path; keys that are neither texts nor integers are described."""
    if isinstance(key, str) or type(key) is int:
        return key
    if isinstance(key, _PRIMITIVES):
        return f"({type(key).__name__}) {key!r:.80}"
    if isinstance(key, Sequence):
        return f"({key.kind}) " + ", ".join(
            str(_name(item)) for item in key.items[:20] if isinstance(item, _PRIMITIVES)
        )
    if isinstance(key, Global):
        return f"(name) {key.name}"
    return f"({type(key).__name__.lower()})" if isinstance(key, Persistent | Record) else "(dict)"
