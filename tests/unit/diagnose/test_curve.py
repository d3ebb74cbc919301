import pytest
from small_training import warm_cosine

from parity.diagnose.library.curve import cosine, follows, parting, slope


def points(rate, count):
    return {step: rate(step) for step in range(count)}


@pytest.mark.parametrize(
    ("warmup", "horizon", "floor", "count"), [(0, 20, 0.0, 8), (4, 30, 1e-4, 31), (4, 30, 1e-4, 60), (2, 200, 1e-5, 40)]
)
def test_cosine_finds_length_and_end_before_the_end_is_reached(warmup, horizon, floor, count):
    found = cosine(points(warm_cosine(warmup, horizon, 1e-3, floor), count))
    assert found is not None
    length, final = found
    assert length == pytest.approx(horizon - warmup, rel=1e-6)
    assert final == pytest.approx(floor, abs=1e-9)


@pytest.mark.parametrize(
    "rate",
    [lambda t: 1e-3 * (1 - t / 20), lambda t: 1e-3 * 0.9**t, lambda t: 1e-3 / (t + 1), lambda _: 1e-3],
    ids=["linear", "exponential", "inverse", "constant"],
)
def test_other_decays_are_no_cosine(rate):
    assert cosine(points(rate, 15)) is None


@pytest.mark.parametrize("count", range(5))
def test_too_few_points_are_no_cosine(count):
    assert cosine(points(warm_cosine(0, 20), count)) is None


@pytest.mark.parametrize(
    ("candidate", "shift", "factor", "expected"),
    [
        ({0: 2.0, 1: 3.0, 2: 4.0}, 1, 1, 3),
        ({0: 2.0, 1: 3.0, 2: 4.5}, 1, 1, 0),
        ({0: 2.0, 1: 3.0}, 1, 1, 0),
        ({0: 1.0, 1: 3.0, 2: 5.0}, 0, 2, 3),
        ({7: 6.0, 8: 6.0, 9: 6.0}, 0, 1, 0),
    ],
    ids=["shift", "one point off", "too few", "scale", "constant"],
)
def test_follows(candidate, shift, factor, expected):
    reference = {0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0, 4: 5.0, 5: 6.0, 6: 6.0, 7: 6.0, 8: 6.0, 9: 6.0}
    assert follows(reference, candidate, shift=shift, factor=factor) == expected


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [({0: 1.0, 2: 2.5}, 2), ({0: 1.0, 1: 2.0}, None), ({0: 1.0 + 1e-15}, None), ({5: 1.0}, None)],
)
def test_parting(candidate, expected):
    assert parting({0: 1.0, 1: 2.0, 2: 3.0}, candidate) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1.0, 2.0, 3.0], 1.0), ([1.0, 2.0, 4.0], None), ([3.0, 2.0, 1.0], None), ([1.0, 2.0], None)],
)
def test_slope(values, expected):
    assert slope(dict(enumerate(values))) == expected
