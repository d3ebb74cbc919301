"""Targets and logits of the occ family, and its losses written out from their definition, number by number."""

import math
from dataclasses import dataclass

import torch
from hypothesis import strategies

PAD, BOS, EOS, FIRST_CHARACTER = 1, 2, 3, 5


@dataclass(frozen=True)
class Example:
    """Codes per row, as lists of blocks, and logits that come from a seed."""

    rows: tuple[tuple[tuple[int, ...], ...], ...]
    blocks: int
    size: int
    vocabulary: int
    seed: int

    @property
    def targets(self) -> torch.Tensor:
        length = self.blocks * self.size
        flat = [[token for block in row for token in block] for row in self.rows]
        return torch.tensor([[BOS, *row, *[PAD] * (length - len(row)), EOS] for row in flat])

    def logits(self, dtype: torch.dtype = torch.float64) -> torch.Tensor:
        shape = (len(self.rows), self.blocks * self.size + 1, self.vocabulary)
        generator = torch.Generator().manual_seed(self.seed)
        return (2 * torch.randn(shape, generator=generator, dtype=torch.float64)).to(dtype)


@strategies.composite
def examples(draw: strategies.DrawFn) -> Example:
    """Up to four rows of up to four blocks, equal codes included; not all rows are empty."""
    blocks, size = draw(strategies.integers(1, 4)), draw(strategies.integers(1, 3))
    vocabulary = draw(strategies.integers(FIRST_CHARACTER + 1, 9))
    token = strategies.integers(FIRST_CHARACTER, vocabulary - 1)
    code = strategies.tuples(*[token] * size)
    row = strategies.lists(code, max_size=blocks).map(tuple)
    rows = draw(strategies.lists(row, min_size=1, max_size=4).filter(any).map(tuple))
    return Example(rows, blocks, size, vocabulary, draw(strategies.integers(0, 2**16)))


def negative_log_probability(logits: list[float], token: int) -> float:
    largest = max(logits)
    return largest + math.log(sum(math.exp(value - largest) for value in logits)) - logits[token]


def by_definition(
    logits: torch.Tensor,
    targets: torch.Tensor,
    *,
    blocks: int,
    size: int,
    weight: float,
    smoothing: float = 0.0,
    masked: bool = True,
) -> float:
    """The order-invariant loss; ``masked`` tells the block-wise one from the older one."""
    rows, steps = targets[:, 1:-1].tolist(), logits.tolist()
    symbols = range(logits.size(-1))
    used = []
    for row in rows:
        first = row.index(PAD) if PAD in row else 0
        used.append((first // size or blocks) if masked else blocks)

    def block_loss(i: int, b: int, c: int) -> float:
        total = 0.0
        for s in range(size):
            token = rows[i][b * size + s]
            if token != PAD:
                total += negative_log_probability(steps[i][c * size + s], token)
        return total / size

    best = []
    for b in range(blocks):
        if all(token == PAD for row in rows for token in row[b * size : (b + 1) * size]):
            break
        best.append(sum(min(block_loss(i, b, c) for c in range(used[i])) for i in range(len(rows))) / len(rows))

    def towards_padding(logits_of_step: list[float]) -> float:
        spread = sum(negative_log_probability(logits_of_step, symbol) for symbol in symbols) / len(symbols)
        return (1 - smoothing) * negative_log_probability(logits_of_step, PAD) + smoothing * spread

    pushed = 0.0
    for i in range(len(rows)):
        for j in range(blocks):
            if not masked or j >= used[i]:
                pushed += sum(towards_padding(steps[i][j * size + s]) for s in range(size)) / size
    return sum(best) / len(best) + weight * pushed / (len(rows) * blocks)
