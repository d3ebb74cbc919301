import math

import numpy as np
import pytest

from parity.compare.measurement import Difference, sizes
from parity.compare.series import compare_series, extra_values, missing_values
from parity.trace.channels import Kind
from tests.unit.compare.trace_builder import series

NAN = math.nan
TINY = 5e-324


def found(reference, candidate, channel="loss", ours=None, theirs=None):
    """All measurements between two series, as (kind, update, ordinal, reference, candidate, differing, compared)."""
    left, right = series(channel, reference, updates=ours), series(channel, candidate, updates=theirs)
    return [
        (one.difference.value, one.update, one.ordinal, one.reference, one.candidate, one.differing, one.compared)
        for one in compare_series(left, right, 0)
    ]


@pytest.mark.parametrize(
    ("channel", "values"),
    [
        ("loss", []),
        ("loss", [1.0, 2.0]),
        ("loss", [NAN, math.inf, -math.inf, -0.0]),
        ("micro_steps", [1, -1]),
        ("batch", [2**64 - 1]),
        ("config", ["a", "\ud800"]),
    ],
)
def test_equal_series_measure_nothing(channel, values):
    assert found(values, list(values), channel) == []


@pytest.mark.parametrize(
    ("channel", "reference", "candidate", "shown"),
    [
        ("loss", 1.0, 2.0, (1.0, 2.0)),
        ("loss", 0.0, -0.0, (0.0, -0.0)),
        ("loss", 1.0, math.nextafter(1.0, 2.0), (1.0, 1.0000000000000002)),
        ("loss", 0.0, TINY, (0.0, TINY)),
        ("loss", math.inf, -math.inf, (math.inf, -math.inf)),
        ("micro_steps", 4, 1, (4, 1)),
        ("batch", 1, 2**64 - 1, ("0000000000000001", "ffffffffffffffff")),
        ("config", "a", "b", ("a", "b")),
        ("config", "", " ", ("", " ")),
    ],
)
def test_a_value_that_differs(channel, reference, candidate, shown):
    assert found([reference], [candidate], channel) == [("value", 0, 0, *shown, 1, 1)]


def test_a_value_that_became_nan_differs():
    ((kind, update, _, reference, candidate, *_),) = found([1.0, 2.0], [1.0, NAN])
    assert (kind, update, reference) == ("value", 1, 2.0)
    assert math.isnan(candidate)


def test_the_first_difference_is_placed_and_all_are_counted():
    assert found([1.0, 2.0, 3.0, 4.0], [1.0, 9.0, 3.0, 8.0]) == [("value", 1, 0, 2.0, 9.0, 2, 4)]


def test_a_difference_is_placed_by_micro_step():
    assert found([1.0, 2.0, 3.0], [1.0, 2.0, 9.0], ours=[0, 4, 4], theirs=[0, 4, 4]) == [
        ("value", 4, 1, 3.0, 9.0, 1, 3)
    ]


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([0, 1, 2], [0, 1], [("missing", 2, 0, 2.0, None, 1, 3)]),
        ([0, 1], [0, 1, 2], [("extra", 2, 0, None, 2.0, 1, 3)]),
        ([0, 1], [], [("missing", 0, 0, 0.0, None, 2, 2)]),
        ([0, 2], [1, 2], [("missing", 0, 0, 0.0, None, 1, 2), ("extra", 1, 0, None, 1.0, 1, 2)]),
    ],
)
def test_missing_and_extra_updates(ours, theirs, expected):
    assert found([float(at) for at in ours], [float(at) for at in theirs], ours=ours, theirs=theirs) == expected


def test_missing_and_extra_micro_steps_shift_nothing():
    measured = found([1.0, 2.0, 3.0], [1.0, 3.0], ours=[0, 0, 1], theirs=[0, 1])
    assert measured == [("missing", 0, 1, 2.0, None, 1, 3)]
    measured = found([1.0, 3.0], [1.0, 2.0, 3.0], ours=[0, 1], theirs=[0, 0, 1])
    assert measured == [("extra", 0, 1, None, 2.0, 1, 3)]


def test_all_three_kinds_at_once_each_only_once():
    measured = found([1.0, 2.0, 3.0, 5.0], [9.0, 8.0, 4.0], ours=[0, 1, 2, 4], theirs=[0, 1, 3])
    assert [(one[0], one[1], *one[5:]) for one in measured] == [
        ("value", 0, 2, 2),
        ("missing", 2, 2, 4),
        ("extra", 3, 1, 3),
    ]


def test_updates_far_apart_stay_apart():
    far = 2**31 - 2
    assert found([1.0, 2.0], [1.0, 3.0], ours=[-1, far], theirs=[-1, far]) == [("value", far, 0, 2.0, 3.0, 1, 2)]


def test_both_names_and_the_rank_are_kept():
    (one,) = compare_series(series("batch", [1], "x"), series("batch", [2], "y"), 3)
    assert (one.name, one.candidate_name, one.rank) == ("x", "y", 3)
    assert (one.absolute, one.relative, one.ulp) == (None, None, None)


def test_places_are_in_causal_order():
    """Setup, the micro-steps of an update one after the other, its end, the next update, the printed, the end."""
    causal = [
        ("parameter_initial", -1, 0),
        ("batch", 0, 0),
        ("output", 0, 0),
        ("loss", 0, 0),
        ("batch", 0, 1),
        ("loss", 0, 1),
        ("gradient_norm", 0, 0),
        ("clip_norm", 0, 0),
        ("lr", 0, 0),
        ("parameter", 0, 0),
        ("optimizer_state", 0, 0),
        ("eval_output", 0, 0),
        ("checkpoint_file", 0, 0),
        ("batch", 1, 0),
        ("log_value", -1, 0),
        ("log_value", 0, 0),
        ("updates", -1, 0),
        ("updates", 5, 0),
    ]
    places = []
    for channel, update, ordinal in causal:
        at = [update] * (ordinal + 1)
        one = missing_values(series(channel, [1] * len(at), updates=at), "", 0, np.array([ordinal]))
        places.append(one.place)
    assert places == sorted(set(places))


def test_a_whole_series_missing_or_extra():
    whole = series("loss", [1.0, 2.0, 3.0], "ours", updates=[2, 2, 5])
    missing, extra = missing_values(whole, "theirs", 1), extra_values(whole, "theirs", 1)
    assert (missing.difference, missing.name, missing.candidate_name) == (Difference.MISSING, "ours", "theirs")
    assert (extra.difference, extra.name, extra.candidate_name) == (Difference.EXTRA, "theirs", "ours")
    for one in (missing, extra):
        assert (one.update, one.ordinal, one.differing, one.compared, one.rank) == (2, 0, 3, 3, 1)
    late = missing_values(whole, "theirs", 1, np.array([1]))
    assert (late.update, late.ordinal, late.reference, late.differing) == (2, 1, 2.0, 1)


@pytest.mark.parametrize(
    ("kind", "reference", "candidate", "expected"),
    [
        (Kind.FLOAT, 1.0, 1.5, (0.5, 0.5, 2**51)),
        (Kind.FLOAT, -2.0, -1.0, (1.0, 0.5, 2**52)),
        (Kind.FLOAT, 1.0, math.nextafter(1.0, 2.0), (2**-52, 2**-52, 1)),
        (Kind.FLOAT, 0.0, TINY, (TINY, None, 1)),
        (Kind.FLOAT, -TINY, TINY, (2 * TINY, 2.0, 2)),
        (Kind.FLOAT, 0.0, -0.0, (0.0, None, 0)),
        (Kind.FLOAT, 1.0, NAN, (None, None, None)),
        (Kind.FLOAT, math.inf, 1.0, (None, None, None)),
        (Kind.FLOAT, -1.7976931348623157e308, -math.inf, (None, None, None)),
        (Kind.INTEGER, 4, 1, (3.0, 0.75, None)),
        (Kind.INTEGER, 0, 2, (2.0, None, None)),
        (Kind.DIGEST, "00", "01", (None, None, None)),
        (Kind.TEXT, "a", "b", (None, None, None)),
    ],
)
def test_sizes(kind, reference, candidate, expected):
    assert sizes(kind, reference, candidate) == expected
