"""Series of both sides next to each other: what is said of each, and where they are apart."""

import numpy as np
import pytest

from parity.report.tracks import Standing, tracks
from tests.unit.report.report_builders import judged, process, series, trace


def only(reference, candidate, channel="loss", **settings):
    """The one track of ``channel`` when two runs of these series are compared."""
    sides = [trace("python train.py", process(*side)) for side in (reference, candidate)]
    found = [one for one in tracks(judged(*sides, **settings).judgement) if one.channel.name == channel]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("candidate", "standing", "apart"),
    [
        ([1.0, 2.0, 3.0], Standing.IDENTICAL, []),
        ([1.0, 2.5, 3.0], Standing.DIFFERENT, [1]),
        ([1.0, float("nan"), 3.5], Standing.DIFFERENT, [1, 2]),
        ([1.0, 2.0], Standing.DIFFERENT, [2]),
        ([1.0, 2.0, 3.0, 4.0], Standing.DIFFERENT, [3]),
    ],
    ids=["equal", "one value", "two values", "missing", "extra"],
)
def test_standing_and_place(candidate, standing, apart):
    found = only([series("loss", "", [1.0, 2.0, 3.0])], [series("loss", "", candidate)])
    assert (found.standing, found.apart.tolist()) == (standing, apart)
    assert found.updates.tolist() == list(range(max(3, len(candidate))))


def test_both_signs_of_zero_are_apart_and_nan_is_itself():
    nan = float("nan")
    found = only([series("loss", "", [0.0, nan])], [series("loss", "", [-0.0, nan])])
    assert found.apart.tolist() == [0]


def test_values_of_one_update_count_one_by_one():
    at = [0, 0, 1, 1]
    found = only([series("loss", "", [1.0, 2.0, 3.0, 4.0], at)], [series("loss", "", [1.0, 2.0, 9.0, 9.0], at)])
    assert (found.updates.tolist(), found.apart.tolist()) == (at, [1, 1])


def test_a_context_is_listed():
    sides = [[series("zero_grad", "", [number, number])] for number in (1, 2)]
    assert only(*sides, channel="zero_grad").standing is Standing.LISTED


@pytest.mark.parametrize(("ours", "theirs"), [([1.0], []), ([], [1.0])], ids=["missing", "extra"])
def test_a_series_of_one_side_is_apart_everywhere(ours, theirs):
    sides = [[series("loss", "", side)] if side else [series("lr", "0", [0.1])] for side in (ours, theirs)]
    found = only(*sides)
    assert (found.apart.tolist(), found.standing) == ([0], Standing.DIFFERENT)


def test_a_clock_reading_is_not_compared():
    sides = [[series("log_value", "time {}s#0", [value])] for value in (1.0, 2.0)]
    found = only(*sides, channel="log_value")
    assert (found.standing, found.apart.tolist()) == (Standing.NOT_COMPARED, [])


def test_what_the_reference_does_not_reproduce_is_not_compared():
    from parity.compare.engine import compare

    ours, theirs, again = (trace("t", process(series("loss", "", [1.0, value]))) for value in (2.0, 3.0, 4.0))
    found = tracks(judged(ours, theirs, rerun=compare(ours, again)).judgement)
    assert [one.standing for one in found] == [Standing.NOT_COMPARED]


def test_what_belongs_to_the_run_as_a_whole_has_no_series():
    sides = [trace("t", process(series("lr", "0", [0.1])), exit_status=status) for status in (0, 1)]
    found = {one.channel.name: one for one in tracks(judged(*sides).judgement)}
    assert found["exit_status"].standing is Standing.DIFFERENT
    assert found["exit_status"].apart.tolist() == [-1]


def test_a_renamed_parameter_is_one_track():
    def side(name):
        kind, content = (series("parameter_kind", name, ["float32[4]"], [-1]), series("gradient", name, [7, 8]))
        return [kind, series("parameter_initial", name, [99], [-1]), content]

    found = only(side("wte"), side("embedding"), channel="gradient")
    assert (found.name, found.candidate_name, found.standing) == ("wte", "embedding", Standing.IDENTICAL)


def test_the_gravest_finding_is_named():
    outcome = judged(
        trace("t", process(series("lr", "0", [1.0]), series("loss", "", [1.0]))),
        trace("t", process(series("lr", "0", [1.0]), series("loss", "", [2.0]))),
    )
    by_channel = {one.channel.name: one for one in tracks(outcome.judgement)}
    assert outcome.judgement.findings[by_channel["loss"].finding].channel.name == "loss"
    assert by_channel["lr"].finding == -1
    assert np.array_equal(by_channel["loss"].apart, [0])
