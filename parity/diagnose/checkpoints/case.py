"""What the rules about checkpoints look at."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from parity.checkpoint.model import Path
from parity.checkpoint.tensors import Tensor
from parity.compare.checkpoint_model import Aspect, CheckpointDifference, Pair, UnitComparison
from parity.diagnose.registry import Declaration


@dataclass(frozen=True, kw_only=True)
class CheckpointCause:
    """A named explanation of differences.

    ``explains`` holds their keys, ``evidence`` the lines that show why, ``consequence`` what it does to whoever loads
    the candidate's checkpoint, and ``advice`` where to look; the last two are as the rule declares them.
    """

    id: str
    title: str
    unit: str
    explains: tuple[Path, ...]
    evidence: tuple[str, ...]
    consequence: str = ""
    advice: str = ""


CheckpointRule = Callable[[UnitComparison], Iterator[CheckpointCause]]


@dataclass(frozen=True)
class DeclaredCheckpointRule:
    """A rule with the causes that it can name, and the consequence of each."""

    recognise: CheckpointRule
    declarations: tuple[Declaration, ...]
    consequences: Mapping[str, str]

    def __call__(self, unit: UnitComparison) -> Iterator[CheckpointCause]:
        """Apply the rule to ``unit``."""
        for cause in self.recognise(unit):
            declared = next((one for one in self.declarations if one.id == cause.id), None)
            assert declared is not None, f"{cause.id} is not declared"
            yield replace(cause, consequence=self.consequences[cause.id], advice=declared.advice)


def checkpoint_rule(*causes: tuple[str, str, str, str]) -> Callable[[CheckpointRule], DeclaredCheckpointRule]:
    """Declare the causes that a rule about checkpoints can name: id, what it is, what it does, what to do."""
    declarations = tuple(
        Declaration(id=name, what=what, needs=(), predicts="the keys that it lists", advice=advice)
        for name, what, _, advice in causes
    )
    consequences = {name: consequence for name, _, consequence, _ in causes}
    return lambda recognise: DeclaredCheckpointRule(recognise, declarations, consequences)


def having(unit: UnitComparison, *aspects: Aspect) -> list[CheckpointDifference]:
    """The differences of these aspects."""
    return [one for one in unit.differences if one.aspect in aspects]


def tensor_pairs(unit: UnitComparison, keys: Iterable[Path]) -> Iterator[tuple[Pair, Tensor, Tensor]]:
    """The pairs of tensors at ``keys``."""
    wanted = set(keys)
    for pair in unit.pairs:
        if pair.key in wanted and isinstance(pair.reference, Tensor) and isinstance(pair.candidate, Tensor):
            yield pair, pair.reference, pair.candidate


def listed(unit: UnitComparison, keys: Iterable[Path], limit: int = 3) -> str:
    """Some keys of the reference in a row."""
    names = [unit.spelled(key) for key in keys]
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {more:,} more" if more > 0 else "")


def cause(unit: UnitComparison, name: str, title: str, keys: Iterable[Path], *evidence: str) -> CheckpointCause:
    """A cause in ``unit``."""
    return CheckpointCause(id=name, title=title, unit=unit.reference.name, explains=tuple(keys), evidence=evidence)
