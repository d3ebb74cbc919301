"""What was measured between two checkpoints. Nothing is judged here."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from parity.align.optimizers import Optimizer
from parity.checkpoint.model import Checkpoint, Entry, Path, Unit, spelled
from parity.compare.sections import Section
from parity.compare.tensors import Statistics


class Aspect(StrEnum):
    """In what two checkpoints differ, seen from the candidate."""

    MISSING = "missing"
    EXTRA = "extra"
    NAME = "renamed"
    TYPE = "type"
    SHAPE = "shape"
    DTYPE = "dtype"
    STRIDES = "strides"
    TIES = "tied storages"
    GROUPS = "parameter groups"
    VALUE = "value"


@dataclass(frozen=True, kw_only=True)
class CheckpointDifference:
    """One difference at one key.

    ``reference`` and ``candidate`` say in words what each side has; None where it has nothing. ``candidate_key`` is the
    key on the candidate's side, which is another one where the key was renamed.
    """

    unit: str
    section: Section
    aspect: Aspect
    key: Path
    candidate_key: Path
    reference: str | None
    candidate: str | None
    statistics: Statistics | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class KeyNotCompared:
    """Something that could not be compared: on which side, the slug of the error, and its reason."""

    unit: str
    side: str
    key: Path
    slug: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two keys that stand for each other, and what they hold."""

    key: Path
    candidate_key: Path
    reference: Entry
    candidate: Entry
    section: Section


@dataclass(frozen=True, kw_only=True)
class UnitComparison:
    """Everything measured between two units.

    ``renames`` gives the method by which a key with another name was found.
    """

    reference: Unit
    candidate: Unit
    pairs: tuple[Pair, ...]
    differences: tuple[CheckpointDifference, ...]
    not_compared: tuple[KeyNotCompared, ...]
    renames: Mapping[Path, str]
    prefixes: tuple[str, ...] = ()
    optimizers: tuple[tuple[Optimizer, Optimizer], ...] = ()

    @cached_property
    def _owners(self) -> Mapping[Path, str]:
        """The parameter that each state of the reference's optimizers belongs to."""
        return {(*one.path, "state", number): name for one, _ in self.optimizers for number, name in one.names.items()}

    def spelled(self, key: Path) -> str:
        """A key of the reference as it is shown; the state of an optimizer by its parameter, not by its number."""
        for depth in range(len(key), 1, -1):
            if (owner := self._owners.get(key[:depth])) is not None:
                return f"{spelled(key[: depth - 1])}[{owner}]{spelled(('', *key[depth:]))}"
        return spelled(key)


@dataclass(frozen=True, kw_only=True)
class CheckpointComparison:
    """Everything measured between two checkpoints."""

    reference: Checkpoint
    candidate: Checkpoint
    units: tuple[UnitComparison, ...]
    files: tuple[CheckpointDifference, ...] = ()
    not_compared_files: tuple[KeyNotCompared, ...] = ()

    @property
    def differences(self) -> tuple[CheckpointDifference, ...]:
        """All differences, files first, then unit by unit in the order of sections."""
        order = list(Section)
        inside = [one for unit in self.units for one in sorted(unit.differences, key=lambda d: order.index(d.section))]
        return (*self.files, *inside)

    @property
    def not_compared(self) -> tuple[KeyNotCompared, ...]:
        """Everything that was left out."""
        return (*self.not_compared_files, *(one for unit in self.units for one in unit.not_compared))

    @property
    def compared(self) -> int:
        """How many keys have a counterpart that they were compared with."""
        return sum(len(unit.pairs) for unit in self.units)
