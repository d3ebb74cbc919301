"""How differences flow: which of two runs' operations is the first to make another thing of the same.

A tensor is its digest. What one run computes and the other never holds is foreign; most of it is harmless, because a
refactor reaches the same result by another way. Foreign tensors matter only where they flow into a result that is
foreign itself.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar


class Node(Protocol):
    """Something that makes tensors of tensors, both given by digest."""

    @property
    def inputs(self) -> Sequence[str]:
        """What goes in."""

    @property
    def outputs(self) -> Sequence[str]:
        """What comes out."""


Found = TypeVar("Found", bound=Node)


def flowing_into(results: Iterable[str], nodes: Sequence[Node], known: frozenset[str]) -> frozenset[str]:
    """All foreign tensors from which foreign ``results`` were computed, over foreign tensors only.

    ``nodes`` stand in the order in which they ran; ``known`` is what the other run holds.
    """
    matter = {result for result in results if result not in known}
    for node in reversed(nodes):
        if not matter.isdisjoint(node.outputs):
            matter.update(one for one in node.inputs if one not in known)
    return frozenset(matter)


def first_parting(nodes: Iterable[Found], known: frozenset[str], matter: frozenset[str]) -> Found | None:
    """The first of ``nodes`` all of whose inputs the other run holds too, and whose output matters."""
    return next((one for one in nodes if known.issuperset(one.inputs) and not matter.isdisjoint(one.outputs)), None)
