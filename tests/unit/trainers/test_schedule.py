from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.common.schedule import WarmupCosine

SCHEDULE = WarmupCosine(peak=1e-3, floor=1e-4, warmup_iterations=4, decay_end=20)


@pytest.mark.parametrize(
    ("iteration", "expected"),
    [
        (0, 2e-4),  # 1/5 of the peak, not zero
        (1, 4e-4),
        (3, 8e-4),
        (4, 1e-3),  # the cosine starts at the peak
        (8, 8.681980515339464e-4),  # a quarter of the way: floor + (1 + cos(pi / 4)) / 2 * (peak - floor)
        (12, 5.5e-4),  # half way, half the height
        (16, 2.318019484660536e-4),
        (20, 1e-4),
        (21, 1e-4),
        (1000, 1e-4),
    ],
)
def test_known_values(iteration, expected):
    assert SCHEDULE(iteration) == pytest.approx(expected, rel=1e-12)


def test_without_warmup_the_first_iteration_is_at_the_peak():
    assert WarmupCosine(peak=1e-3, floor=0.0, warmup_iterations=0, decay_end=10)(0) == 1e-3


def test_a_warmup_that_lasts_until_the_end_leaves_one_iteration_at_the_peak():
    schedule = WarmupCosine(peak=1.0, floor=0.1, warmup_iterations=10, decay_end=10)
    assert [schedule(iteration) for iteration in (9, 10, 11)] == [pytest.approx(10 / 11), 1.0, 0.1]


@given(warmup=st.integers(0, 50), length=st.integers(1, 50))
def test_it_rises_to_the_peak_and_falls_to_the_floor(warmup, length):
    schedule = WarmupCosine(peak=1.0, floor=0.25, warmup_iterations=warmup, decay_end=warmup + length)
    rates = [schedule(iteration) for iteration in range(warmup + length + 3)]
    assert rates[warmup] == max(rates) == 1.0
    assert all(earlier < later for earlier, later in pairwise(rates[: warmup + 1]))
    assert all(earlier >= later for earlier, later in pairwise(rates[warmup:]))
    assert rates[-1] == pytest.approx(0.25)
