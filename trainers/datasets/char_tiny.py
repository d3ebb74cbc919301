"""A small stand-in for text: a random first-order Markov chain over 65 characters.

It has structure that a model can learn within a few iterations, it needs no download, and its bytes depend on the seed
alone: only ``random.random`` is drawn from, whose sequence Python guarantees, and only products and sums follow.
"""

from __future__ import annotations

import random
import string
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, islice
from pathlib import Path

from trainers.datasets.characters import write_dataset

CHARACTERS = "\n !$&',-.3:;?" + string.ascii_uppercase + string.ascii_lowercase
TRAIN_TOKENS = 60_000
VALIDATION_TOKENS = 8_000


def markov_chain(states: int, *, seed: int) -> Iterator[int]:
    """Walk over ``states`` states without end; from each, a few others are much more likely than the rest."""
    generator = random.Random(seed)
    cumulative = [list(accumulate(_peaked(generator) for _ in range(states))) for _ in range(states)]
    state = 0
    while True:
        row = cumulative[state]
        # rounding may carry the draw to the total itself, which is behind the last state
        state = min(bisect_right(row, generator.random() * row[-1]), states - 1)
        yield state


def _peaked(generator: random.Random) -> float:
    """Draw a number in [0, 1) that is usually small: the eighth power of a uniform one."""
    draw = generator.random()
    square = draw * draw
    fourth = square * square
    return fourth * fourth


def write_char_tiny(directory: Path, *, seed: int) -> None:
    """Write the data directory; training and validation tokens are one walk, cut in two."""
    walk = list(islice(markov_chain(len(CHARACTERS), seed=seed), TRAIN_TOKENS + VALIDATION_TOKENS))
    write_dataset(directory, train=walk[:TRAIN_TOKENS], validation=walk[TRAIN_TOKENS:], characters=CHARACTERS)
