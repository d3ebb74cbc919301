"""The combinations of family gpt2: all of them, and a sample in which every two choices meet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Final

VANILLA: Final = "vanilla"
STEPS: Final = (
    *(f"V{number}" for number in range(20)),
    *("C1", "C2", "C3"),
    *(str(number) for number in range(19)),
    *(f"L{number}" for number in range(8)),
    *(f"{family}{number}" for family in "SR" for number in range(4)),
)
SELF_SUFFICIENT: Final = frozenset({"1", "S0", "S1", "S2", "S3"})
"""Steps that bring an optimizer along, and train with nothing else."""
ARCHITECTURES: Final = (VANILLA, *STEPS)
BASES: Final = ("adam", "adamw", "adamwadv", "adamwspam")
OPTIMIZERS: Final = ("sgd", "adam", "adamw", "adamwadv", "adamwspam", "sinkgd", *(f"prune-{base}" for base in BASES))
VARIANTS: Final = tuple(f"bitter{number}" for number in range(10))
PRUNINGS: Final = ("none", "magnitude", "movement", *VARIANTS)

KINDS: Final = (VANILLA, "V2", "V6", "V14", "C2", "16", "L7")
"""One step for each way in which parts are replaced, or woken."""
SAMPLED_OPTIMIZERS: Final = (*OPTIMIZERS[:6], "prune-adamw")
SAMPLED_PRUNINGS: Final = ("none", "magnitude", "movement", "state")


@dataclass(frozen=True)
class Combination:
    """An architecture, trained by an optimizer, with a kind of pruning."""

    architecture: str
    optimizer: str
    pruning: str

    def __str__(self) -> str:
        return f"{self.architecture}-{self.optimizer}-{self.pruning}"

    @property
    def exists(self) -> bool:
        """State pruning reads the moments of adamwprune, and some steps choose for themselves."""
        if self.architecture in SELF_SUFFICIENT and (self.optimizer, self.pruning) != ("adamw", "none"):
            return False
        return self.pruning not in VARIANTS or self.optimizer.startswith("prune-")

    def arguments(self) -> list[str]:
        """What the command lines of both sides get."""
        found = [] if self.architecture == VANILLA else ["--ra-step", self.architecture]
        name, _, base = self.optimizer.partition("-")
        found += (
            ["--optimizer", "adamwprune", "--adamwprune-base-optimizer-name", base] if base else ["--optimizer", name]
        )
        if self.pruning in VARIANTS:
            return [*found, "--pruning-method", "state", "--adamwprune-variant", self.pruning]
        return [*found, "--pruning-method", self.pruning]


def every() -> list[Combination]:
    """List all combinations that exist."""
    return [one for parts in product(ARCHITECTURES, OPTIMIZERS, PRUNINGS) if (one := Combination(*parts)).exists]


def pairwise() -> list[Combination]:
    """A sample in which any two choices that go together meet at least once; variants of one kind take turns."""
    rows = _cover((KINDS, SAMPLED_OPTIMIZERS, SAMPLED_PRUNINGS), _exists)
    found, turns = [], {"state": 0, "prune-adamw": 0}
    for architecture, optimizer, pruning in rows:
        if pruning == "state":
            pruning = VARIANTS[turns["state"] % len(VARIANTS)]
            turns["state"] += 1
        if optimizer == "prune-adamw":
            optimizer = f"prune-{BASES[turns['prune-adamw'] % len(BASES)]}"
            turns["prune-adamw"] += 1
        found.append(Combination(architecture, optimizer, pruning))
    return found


def _exists(row: Sequence[str]) -> bool:
    return row[2] != "state" or row[1] == "prune-adamw"


def _cover(factors: Sequence[Sequence[str]], exists) -> Iterator[tuple[str, ...]]:
    """Choose rows greedily, each the one with the most pairs that have not met, until all that can have."""
    rows = [row for row in product(*factors) if exists(row)]
    missing = {pair for row in rows for pair in _pairs(row)}
    while missing:
        best = max(rows, key=lambda row: len(_pairs(row) & missing))
        missing -= _pairs(best)
        yield best


def _pairs(row: Sequence[str]) -> set[tuple[tuple[int, str], ...]]:
    return set(combinations(enumerate(row), 2))
