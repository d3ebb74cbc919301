"""Curves are drawn from fewer points than there are, and show what all of them would."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.compare.noise import FACTOR, NoisePass
from parity.report.curves import curve, curves
from parity.report.decimation import pick
from parity.report.tracks import Standing, tracks
from tests.unit.report.report_builders import judged, process, series, trace

lines = st.integers(1, 3).flatmap(
    lambda number: st.integers(0, 300).flatmap(
        lambda length: st.lists(
            st.lists(st.floats(), min_size=length, max_size=length).map(np.array), min_size=number, max_size=number
        )
    )
)


@given(lines, st.integers(1, 20), st.sets(st.integers(0, 299)))
def test_no_peak_no_end_and_nothing_to_keep_is_lost(given_lines, buckets, keep):
    length = len(given_lines[0])
    keep = {at for at in keep if at < length}
    picked = pick(given_lines, buckets, keep)
    assert np.all(np.diff(picked) > 0)
    assert keep <= set(picked.tolist())
    assert not length or {0, length - 1} <= set(picked.tolist())
    for line in given_lines:
        finite, drawn = line[np.isfinite(line)], line[picked][np.isfinite(line[picked])]
        if len(finite):
            assert (finite.min(), finite.max()) == (drawn.min(), drawn.max())


@given(st.integers(1000, 5000), st.integers(1, 40))
def test_long_lines_become_short(length, buckets):
    values = np.sin(np.arange(length) / 7.0)
    assert len(pick([values], buckets)) <= 2 * buckets + 2 or length <= 2 * buckets


def test_short_lines_stay_whole():
    assert pick([np.arange(10.0)], 5).tolist() == list(range(10))
    assert pick([], 5).tolist() == []


def drawn(reference, candidate, *, updates=None, noise=None):
    """The curve of the loss of two runs."""
    sides = [trace("t", process(series("loss", "", values, updates))) for values in (reference, candidate)]
    judgement = judged(*sides, noise=noise).judgement
    return curve(judgement, next(one for one in tracks(judgement) if one.channel.name == "loss"))


def test_difference_and_its_first_place():
    found = drawn([1.0, 2.0, 3.0], [1.0, 2.5, 3.0])
    assert found.difference.tolist() == [0.0, 0.5, 0.0]
    assert (found.first, found.is_equal, found.total) == (1, False, 3)


def test_equal_curves_have_no_first_difference_even_where_they_are_not_numbers():
    values = [1.0, float("nan"), float("inf")]
    found = drawn(values, values)
    assert (found.first, found.difference.tolist()) == (-1, [0.0, 0.0, 0.0])


def test_a_value_of_one_side_alone():
    found = drawn([1.0, 2.0, 3.0], [1.0, 2.0])
    assert (found.has_reference.tolist(), found.has_candidate.tolist()) == ([True] * 3, [True, True, False])
    assert found.first == 2
    assert np.isnan(found.difference[2])


def test_micro_steps_lie_between_updates():
    found = drawn([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 5.0], updates=[0, 0, 1, 1])
    assert found.x.tolist() == [0.0, 0.5, 1.0, 1.5]
    assert found.first == 3


@pytest.mark.parametrize("first", [0, 1, 700, 4999])
def test_everything_around_the_first_difference_is_drawn(first):
    values = np.cos(np.arange(5000) / 11.0)
    changed = values.copy()
    changed[first:] += 1e-12
    found = drawn(values, changed)
    few = found.decimated(20)
    assert len(few.updates) < 300
    assert few.updates[few.first] == first
    around = np.arange(max(0, first - 24), min(5000, first + 25))
    assert set(around.tolist()) <= set(few.updates.tolist())
    assert few.total == 5000


def test_where_a_side_stops_being_a_number_is_drawn():
    values = np.arange(5000.0)
    broken = values.copy()
    broken[3210:] = np.nan
    few = drawn(values, broken).decimated(10)
    assert {3209, 3210} <= set(few.updates.tolist())


def test_the_floor_is_in_the_unit_of_the_values():
    def run(*values):
        return trace("t", process(series("loss", "", values)))

    ours, theirs, moved = run(2.0, 4.0), run(2.0, 5.0), run(2.0, 4.4)
    noise = NoisePass(reference=ours, candidate=theirs, perturbed=(moved,))
    found = drawn([2.0, 4.0], [2.0, 5.0], noise=noise)
    assert found.floor[1] == pytest.approx(FACTOR * 0.4)
    assert found.decimated(1).floor is not None
    assert drawn([2.0, 4.0], [2.0, 5.0]).floor is None


def test_what_counts_is_drawn_first_and_what_never_changes_not_at_all():
    def run(rate, loss, steps):
        rates, losses = series("lr", "0", [0.1, rate]), series("loss", "", [1.0, loss])
        return trace(
            "t", process(rates, losses, series("zero_grad", "", [1, steps]), series("micro_steps", "", [4, 4]))
        )

    judgement = judged(run(0.2, 2.0, 1), run(0.2, 3.0, 2)).judgement
    among = tracks(judgement)
    found, left = curves(judgement, among, 10)
    assert [one.track.channel.name for one in found] == ["loss", "zero_grad", "lr"]
    assert [one.track.standing for one in found] == [Standing.DIFFERENT, Standing.LISTED, Standing.IDENTICAL]
    assert left == 0
    assert curves(judgement, among, 1)[1] == 2


def test_titles_tell_curves_apart():
    found = drawn([1.0, 2.0], [1.0, 3.0])
    assert found.title == "loss"
    elsewhere = replace(found, track=replace(found.track, name="head", rank=3))
    assert elsewhere.title == "loss: head, rank 3"
