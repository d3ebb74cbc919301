"""What the rules about checkpoints look at."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from parity.checkpoint.model import Path, spelled
from parity.checkpoint.tensors import Tensor
from parity.compare.checkpoint_model import Aspect, CheckpointDifference, Pair, UnitComparison
from parity.diagnose.registry import Declaration


@dataclass(frozen=True, kw_only=True)
class CheckpointCause:
    """A named explanation of differences; ``explains`` holds their keys, ``evidence`` the lines that show why."""

    id: str
    title: str
    unit: str
    explains: tuple[Path, ...]
    evidence: tuple[str, ...]


CheckpointRule = Callable[[UnitComparison], Iterator[CheckpointCause]]


@dataclass(frozen=True)
class DeclaredCheckpointRule:
    """A rule with the causes that it can name."""

    recognise: CheckpointRule
    declarations: tuple[Declaration, ...]

    def __call__(self, unit: UnitComparison) -> Iterator[CheckpointCause]:
        """Apply the rule to ``unit``."""
        for cause in self.recognise(unit):
            assert cause.id in {one.id for one in self.declarations}, f"{cause.id} is not declared"
            yield cause


def checkpoint_rule(*causes: tuple[str, str, str]) -> Callable[[CheckpointRule], DeclaredCheckpointRule]:
    """Declare the causes that a rule about checkpoints can name: id, what it is, what to do."""
    declarations = tuple(
        Declaration(id=name, what=what, needs=(), predicts="the keys that it lists", advice=advice)
        for name, what, advice in causes
    )
    return lambda recognise: DeclaredCheckpointRule(recognise, declarations)


def having(unit: UnitComparison, *aspects: Aspect) -> list[CheckpointDifference]:
    """The differences of these aspects."""
    return [one for one in unit.differences if one.aspect in aspects]


def tensor_pairs(unit: UnitComparison, keys: Iterable[Path]) -> Iterator[tuple[Pair, Tensor, Tensor]]:
    """The pairs of tensors at ``keys``."""
    wanted = set(keys)
    for pair in unit.pairs:
        if pair.key in wanted and isinstance(pair.reference, Tensor) and isinstance(pair.candidate, Tensor):
            yield pair, pair.reference, pair.candidate


def listed(keys: Iterable[Path], limit: int = 3) -> str:
    """Some keys in a row."""
    names = [spelled(key) for key in keys]
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {more:,} more" if more > 0 else "")


def cause(unit: UnitComparison, name: str, title: str, keys: Iterable[Path], *evidence: str) -> CheckpointCause:
    """A cause in ``unit``."""
    return CheckpointCause(id=name, title=title, unit=unit.reference.name, explains=tuple(keys), evidence=evidence)
