"""Ratios of interleaved measurements: each round measures every variant once, so that drift hits all alike."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """A variant against the base of the same round: medians over rounds, and the spread of the ratio."""

    name: str
    seconds: float
    ratio: float
    low: float
    high: float

    def line(self, budget: str = "") -> str:
        """One row of the table."""
        measured = (
            f"{self.name:<34} {self.seconds * 1e3:9.2f} ms   {self.ratio:6.3f}x  [{self.low:.3f}, {self.high:.3f}]"
        )
        return f"{measured}   budget {budget}" if budget else measured


def interleave(variants: Mapping[str, Callable[[], float]], *, base: str, rounds: int) -> list[Ratio]:
    """Measure all ``variants`` in turn for ``rounds`` rounds; each returns seconds."""
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, measure in variants.items():
            seconds[name].append(measure())
    return [_ratio(name, found, seconds[base]) for name, found in seconds.items()]


def _ratio(name: str, found: Sequence[float], base: Sequence[float]) -> Ratio:
    ratios = [one / other for one, other in zip(found, base, strict=True)]
    return Ratio(
        name=name,
        seconds=statistics.median(found),
        ratio=statistics.median(ratios),
        low=min(ratios),
        high=max(ratios),
    )
