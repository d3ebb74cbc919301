"""What a pickle describes, as inert nodes: they can be looked at, and nothing about them can be called.

Nodes are the only mutable things here, because a pickle fills its objects piece by piece. Equality is identity: a node
may contain itself.
"""

from typing import TypeAlias

Primitive: TypeAlias = bool | int | float | str | bytes | None
Node: TypeAlias = "Primitive | Dictionary | Sequence | Global | Record | Persistent"


class Dictionary:
    """Pairs in the order they were set; a key may come twice, the last one counts."""

    __slots__ = ("kind", "pairs")

    def __init__(self, kind: str = "dict", pairs: "list[tuple[Node, Node]] | None" = None) -> None:
        self.kind = kind
        self.pairs: list[tuple[Node, Node]] = [] if pairs is None else pairs


class Sequence:
    """Items in order; ``kind`` is list, tuple, set or whatever the items were collected in."""

    __slots__ = ("items", "kind")

    def __init__(self, kind: str, items: "list[Node] | None" = None) -> None:
        self.kind = kind
        self.items: list[Node] = [] if items is None else items


class Global:
    """The name of something importable. It is never imported."""

    __slots__ = ("name",)

    def __init__(self, module: str, name: str) -> None:
        self.name = f"{_RENAMED.get(module, module)}.{name}"


class Record:
    """What would have been an object: what was to be called, with which arguments, and the state to be set on it."""

    __slots__ = ("arguments", "callee", "items", "pairs", "state")

    def __init__(self, callee: Node, arguments: Node) -> None:
        self.callee = callee
        self.arguments = arguments
        self.state: list[Node] = []
        self.items: list[Node] = []
        self.pairs: list[tuple[Node, Node]] = []

    @property
    def name(self) -> str:
        """Name of what was to be called; empty where that is not a plain name."""
        callee = self.callee
        if isinstance(callee, Persistent) and isinstance(callee.id, Sequence) and callee.id.items[:1] == ["module"]:
            # The oldest files store the source code of a class beside its name.
            callee = callee.id.items[1] if len(callee.id.items) > 1 else None
        return callee.name if isinstance(callee, Global) else ""

    def argument(self, index: int) -> Node:
        """One positional argument, None where there is none."""
        items = self.arguments.items if isinstance(self.arguments, Sequence) else []
        return items[index] if index < len(items) else None


class Persistent:
    """A reference to something stored beside the pickle, such as the bytes of a tensor."""

    __slots__ = ("id",)

    def __init__(self, identifier: Node) -> None:
        self.id = identifier


_RENAMED = {
    "__builtin__": "builtins",
    "copy_reg": "copyreg",
    "numpy.core.multiarray": "numpy._core.multiarray",
    "numpy.core.numeric": "numpy._core.numeric",
}
