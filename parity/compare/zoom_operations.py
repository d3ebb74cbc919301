"""The first operation that differs: what each side does where it parts from the other, and what has become of it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from parity.compare.flow import first_parting, flowing_into
from parity.compare.zoom_model import Change, Manner, OperationDifference
from parity.trace.zoom import Operation

_MOST_SURPLUS: Final = 6
_MOST_FOLLOWING: Final = 16


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Operations of one side, the results they led to that the other side lacks, and all that this side ever held."""

    operations: Sequence[Operation]
    results: Sequence[str]
    held: frozenset[str]

    def matter(self, other: "Stretch") -> frozenset[str]:
        """The tensors that ``other`` lacks and that count."""
        return flowing_into(self.results, self.operations, other.held)

    def parting(self, other: "Stretch") -> Operation | None:
        """The first operation that makes of what both sides hold something that ``other`` lacks."""
        return first_parting(self.operations, other.held, self.matter(other))


def first_difference(ours: Stretch, theirs: Stretch) -> OperationDifference | None:
    """Pair the operations at which both sides part; None where neither does."""
    reference, candidate = ours.parting(theirs), theirs.parting(ours)
    if reference is None and candidate is None:
        return None
    following = () if reference is None else _following(reference, ours.operations)
    same = None if reference is None else _same(reference, theirs.operations, ours.held)
    if reference is not None and same is not None:
        changes = tuple(_changes(reference, same))
        manner = Manner.CHANGED if changes else Manner.OTHER_RESULT
        return OperationDifference(
            manner=manner, reference=reference, candidate=same, changes=changes, following=following
        )
    manner = _manner(reference, candidate, ours.operations, theirs.operations)
    return OperationDifference(
        manner=manner,
        reference=None if manner is Manner.EXTRA else reference,
        candidate=None if manner is Manner.MISSING else candidate,
        following=following,
    )


def surplus(ours: Sequence[Operation], theirs: Sequence[Operation]) -> Iterable[str]:
    """Operations that one side has more often than the other, in words."""
    counts = _counts(ours, theirs)
    unequal = [(name, mine - others) for name, (mine, others) in sorted(counts.items()) if mine != others]
    for name, number in unequal[:_MOST_SURPLUS]:
        yield f"the {'reference' if number > 0 else 'candidate'} has {abs(number)} more {name}"
    if len(unequal) > _MOST_SURPLUS:
        yield f"{len(unequal) - _MOST_SURPLUS} more kinds of operations differ in number"


def _same(ours: Operation, operations: Sequence[Operation], held: frozenset[str]) -> Operation | None:
    """The candidate's operation of the same name on the same inputs that gives what the reference never holds.

    Of operations without inputs, such as drawing random numbers, it is the first such one.
    """
    inputs = Counter(ours.inputs)
    alike = (one for one in operations if one.name == ours.name and Counter(one.inputs) == inputs)
    return next((one for one in alike if not held.issuperset(one.outputs)), None)


def _changes(ours: Operation, theirs: Operation) -> Iterable[Change]:
    for name in sorted({*ours.literals, *theirs.literals}):
        reference, candidate = ours.literals.get(name), theirs.literals.get(name)
        if reference != candidate:
            yield Change(name=name, reference=reference, candidate=candidate)


def _manner(
    reference: Operation | None,
    candidate: Operation | None,
    ours: Sequence[Operation],
    theirs: Sequence[Operation],
) -> Manner:
    counts = _counts(ours, theirs)
    mine, others = counts[reference.name] if reference is not None else (0, 0)
    missing = mine > others
    mine, others = counts[candidate.name] if candidate is not None else (0, 0)
    extra = others > mine
    if missing == extra:
        return Manner.REPLACED
    return Manner.MISSING if missing else Manner.EXTRA


def _counts(ours: Sequence[Operation], theirs: Sequence[Operation]) -> dict[str, tuple[int, int]]:
    mine, others = (Counter(one.name for one in each) for each in (ours, theirs))
    return {name: (mine[name], others[name]) for name in {*mine, *others}}


def _following(operation: Operation, operations: Sequence[Operation]) -> tuple[str, ...]:
    """Names of what runs next in the same module, views of tensors left out."""
    at = next(number for number, one in enumerate(operations) if one is operation)
    inside = [one for one in operations[at + 1 :] if one.module == operation.module]
    return tuple(one.name for one in inside if set(one.outputs) - set(one.inputs))[:_MOST_FOLLOWING]
