"""Halving finds the first bad commit with as few answers as can be, and says what skipped ones leave open."""

from itertools import product
from math import ceil, log2

import pytest

from parity.run.bisect import search


@pytest.mark.parametrize("number", range(1, 10))
def test_the_first_bad_one_is_found(number: int) -> None:
    for first in range(number):
        asked = []

        def is_bad(at: int, first: int = first, asked: list[int] = asked) -> bool:
            asked.append(at)
            return at >= first

        assert search(number, is_bad) == (first,)
        assert len(asked) == len(set(asked)) <= ceil(log2(number)) if number > 1 else asked == []


@pytest.mark.parametrize("number", range(1, 7))
def test_skipped_ones_are_suspects_where_nothing_clears_them(number: int) -> None:
    for first, *skips in product(range(number), *[(False, True)] * (number - 1)):
        skipped = {at for at, skip in enumerate(skips) if skip}
        found = search(number, lambda at, first=first, skipped=skipped: None if at in skipped else at >= first)
        assert first in found
        # All but the last are between two that were judged, and could not be judged themselves.
        assert set(found[:-1]) <= skipped
        assert found[0] == 0 or found[0] - 1 not in skipped
