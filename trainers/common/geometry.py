"""What the shape of a matrix says: how many directions it uses, how its rows lie to each other, how they have moved."""

from __future__ import annotations

from dataclasses import dataclass

import torch

ENERGY = 0.98
"""The share of the squared singular values that an effective rank stands for."""

NEARBY = 0.7
"""The cosine above which two rows are neighbours."""

CHUNK = 8192
SAMPLES_PER_ROW, MOST_SAMPLES = 100, 20_000


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A mean and what most values lie between."""

    mean: float
    tenth: float
    ninetieth: float


def spread(values: torch.Tensor) -> Spread:
    """Summarise one-dimensional values by their mean and the 10th and 90th percentile."""
    tenth, ninetieth = torch.quantile(values.float(), torch.tensor([0.1, 0.9])).tolist()
    return Spread(mean=values.float().mean().item(), tenth=tenth, ninetieth=ninetieth)


@dataclass(frozen=True, kw_only=True)
class Rank:
    """The effective rank of a matrix, and its share of the largest one possible."""

    rank: int
    utilisation: float


def effective_rank(matrix: torch.Tensor) -> Rank:
    """Count the fewest singular directions that hold 98 % of the energy."""
    energy = torch.linalg.svdvals(matrix.double()).square().cumsum(0)
    rank = 1 + int((energy < ENERGY * energy[-1]).sum())
    return Rank(rank=rank, utilisation=rank / min(matrix.shape))


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    """How close the rows of a matrix lie to each other, by cosine; a row counts itself with -1."""

    neighbours: Spread
    mean: float
    deviation: float
    tenth: float
    ninetieth: float


def neighbourhood(rows: torch.Tensor, *, generator: torch.Generator) -> Neighbourhood:
    """Compare all rows with each other, some thousands at a time; ``generator`` draws the sample for percentiles."""
    directions = torch.nn.functional.normalize(rows.float(), dim=1)
    counts, samples = [], []
    total = squares = 0.0
    for begin in range(0, len(directions), CHUNK):
        similarity = directions[begin : begin + CHUNK] @ directions.T
        own = torch.arange(len(similarity))
        similarity[own, begin + own] = -1.0
        counts.append((similarity > NEARBY).sum(dim=1))
        total += similarity.double().sum().item()
        squares += similarity.double().square().sum().item()
        columns = torch.randint(len(directions), (len(similarity), SAMPLES_PER_ROW), generator=generator)
        samples.append(similarity.gather(1, columns).flatten())
    sampled = spread(torch.cat(samples)[:MOST_SAMPLES])
    mean = total / len(directions) ** 2
    return Neighbourhood(
        neighbours=spread(torch.cat(counts)),
        mean=mean,
        deviation=max(squares / len(directions) ** 2 - mean**2, 0.0) ** 0.5,
        tenth=sampled.tenth,
        ninetieth=sampled.ninetieth,
    )


def drift(before: torch.Tensor, after: torch.Tensor) -> Spread:
    """Compare rows by cosine, once the centred matrices are turned onto each other as well as a rotation can do it."""
    fixed, moved = (matrix.double() - matrix.double().mean(dim=0) for matrix in (before, after))
    outer, _, inner = torch.linalg.svd(moved.T @ fixed)
    return spread(torch.nn.functional.cosine_similarity(fixed, moved @ outer @ inner, dim=1))
