"""What came into a small collection and what left it: an explanation of a difference that was already measured.

That two collections differ is decided elsewhere, value by value and bit for bit: DeepDiff takes 2 for 2.0, and needs
seconds for what numpy compares in microseconds. Which elements were put in and taken out it finds as nothing else here.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from parity.checkpoint.model import Leaf
from parity.checkpoint.nodes import Primitive
from parity.compare.leaves import shown

UNORDERED: Final = frozenset({"set", "frozenset"})
_MOST: Final = 256
_LONGEST: Final = 200
_NAMED: Final = 3


def changes(reference: Leaf, candidate: Leaf) -> str:
    """The elements that only one of two collections of one type has, in words.

    Nothing where the elements are too many or too long to be looked at, or where none came or went.
    """
    ours, theirs = reference.value, candidate.value
    if not isinstance(ours, tuple) or not isinstance(theirs, tuple) or reference.type != candidate.type:
        return ""
    if len(ours) == len(theirs) and reference.type not in UNORDERED:
        return ""
    if max(len(ours), len(theirs)) > _MOST or not all(_is_short(one) for one in (*ours, *theirs)):
        return ""
    from deepdiff import DeepDiff

    make: Any = set if reference.type in UNORDERED else list
    found = DeepDiff(make(ours), make(theirs), view="tree")
    removed = [shown(one.t1) for one in _levels(found, "removed")]
    added = [shown(one.t2) for one in _levels(found, "added")]
    return "; ".join([*_listed("removed", removed), *_listed("added", added)])


def _levels(found: Any, how: str) -> Iterable[Any]:
    levels = [one for kind in ("set_item", "iterable_item") for one in found.get(f"{kind}_{how}", ())]
    return sorted(levels, key=lambda one: (one.path(output_format="list"), repr(one.t1), repr(one.t2)))


def _listed(how: str, values: list[str]) -> Iterator[str]:
    if values:
        more = len(values) - _NAMED
        yield f"{how} {', '.join(values[:_NAMED])}" + (f" and {more:,} more" if more > 0 else "")


def _is_short(value: Primitive) -> bool:
    if isinstance(value, str | bytes):
        return len(value) <= _LONGEST
    return not isinstance(value, int) or value.bit_length() <= _LONGEST
