import math
from collections import Counter
from dataclasses import replace

from hypothesis import assume, example, given
from hypothesis import strategies as st

from parity.compare.engine import compare
from parity.compare.measurement import Difference, sizes
from parity.compare.series import compare_series
from parity.compare.tolerance import Tolerance
from parity.findings.judge import judge
from parity.findings.model import Verdict
from parity.trace.channels import Kind
from tests.properties.strategies import BITS, float_of, processes, series
from tests.unit.compare.trace_builder import trace
from tests.unit.trace.trace_files import bits_in

SWAPPED = {
    Difference.VALUE: Difference.VALUE,
    Difference.MISSING: Difference.EXTRA,
    Difference.EXTRA: Difference.MISSING,
}
FINITE = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def pairs(draw):
    kind = draw(st.sampled_from(list(Kind)))
    return draw(series(kind)), draw(series(kind))


def rows(one):
    """Every value with its place: update, position in it, bits."""
    return list(zip(one.updates.tolist(), one.ordinals().tolist(), bits_in(one), strict=True))


def seen(measurements):
    """Measurements without their values, which cannot be compared where they are NaN."""
    return Counter(
        (one.channel.name, one.name, one.candidate_name, one.difference, one.update, one.ordinal, one.differing)
        for one in measurements
    )


def mirrored(measurements):
    return Counter(
        (
            one.channel.name,
            one.candidate_name,
            one.name,
            SWAPPED[one.difference],
            one.update,
            one.ordinal,
            one.differing,
        )
        for one in measurements
    )


@given(st.lists(st.none(), min_size=1, max_size=3).flatmap(lambda ranks: st.tuples(*map(processes, range(len(ranks))))))
def test_a_run_is_identical_to_itself(ranks):
    one = trace(*ranks)
    found = compare(one, one)
    assert found.measurements == ()
    assert all(part.equal == part.values for part in found.coverage.values())
    assert judge(found).findings == ()
    assert judge(found).verdict is Verdict.IDENTICAL or not found.coverage


@given(pairs())
def test_there_is_a_measurement_exactly_when_something_differs(pair):
    assert (rows(pair[0]) != rows(pair[1])) == bool(list(compare_series(*pair, 0)))


@given(processes(), processes())
def test_two_runs_differ_exactly_when_a_series_does(ours, theirs):
    same = {key: rows(one) for key, one in ours.series.items()} == {
        key: rows(one) for key, one in theirs.series.items()
    }
    assert same == (compare(trace(ours), trace(theirs)).measurements == ())


@given(pairs())
def test_measurements_count_what_a_plain_count_counts(pair):
    ours, theirs = ({row[:2]: row[2] for row in rows(one)} for one in pair)
    expected = {
        Difference.VALUE: [place for place in ours if place in theirs and ours[place] != theirs[place]],
        Difference.MISSING: [place for place in ours if place not in theirs],
        Difference.EXTRA: [place for place in theirs if place not in ours],
    }
    found = {one.difference: one for one in compare_series(*pair, 0)}
    assert set(found) == {kind for kind, places in expected.items() if places}
    for kind, one in found.items():
        assert ((one.update, one.ordinal), one.differing) == (min(expected[kind]), len(expected[kind]))


@given(processes(), processes())
def test_swapping_the_sides_turns_missing_into_extra_and_moves_nothing(ours, theirs):
    forth, back = compare(trace(ours), trace(theirs)), compare(trace(theirs), trace(ours))
    assert seen(forth.measurements) == mirrored(back.measurements)
    first = [one.place for one in forth.measurements[:1]]
    assert first == [one.place for one in back.measurements[:1]]


@given(processes(), processes())
def test_measurements_are_in_causal_order_and_findings_too(ours, theirs):
    found = compare(trace(ours), trace(theirs))
    assert [one.place for one in found.measurements] == sorted(one.place for one in found.measurements)
    assert [one.first.place for one in judge(found).findings] == sorted(
        one.first.place for one in judge(found).findings
    )


TOLERANCES = st.builds(
    Tolerance,
    channel=st.sampled_from(["*", "loss", "micro_steps"]),
    name=st.sampled_from(["*", "a*", ""]),
    reason=st.just("why"),
    updates=st.none() | st.sampled_from([(-1, 1), (2, 4), (0, 99)]),
    absolute=st.none() | st.sampled_from([0.0, 1.0, 5.0]),
    relative=st.none() | st.sampled_from([0.0, 1.0]),
    ulp=st.none() | st.sampled_from([0, 1 << 62]),
)


def looser(tolerance):
    """The same tolerance with larger bounds over more updates."""
    bounds = {name: 2 * bound for name in ("absolute", "relative", "ulp") if (bound := getattr(tolerance, name))}
    return replace(tolerance, updates=None, **bounds)


@given(processes(), processes(), st.lists(TOLERANCES, max_size=3), st.lists(TOLERANCES, max_size=2))
def test_a_looser_policy_never_adds_a_finding(ours, theirs, some, more):
    found = compare(trace(ours), trace(theirs))
    strict = judge(found, tolerances=some)
    loose = judge(found, tolerances=[*map(looser, some), *more])

    def counted(judgement):
        return {id(one) for finding in judgement.gating for one in finding.measurements}

    assert counted(loose) <= counted(strict) <= counted(judge(found))
    assert {id(one) for finding in loose.findings for one in finding.measurements} == {
        id(one) for finding in strict.findings for one in finding.measurements
    }


@given(processes(), processes(), processes())
def test_a_rerun_never_adds_a_finding(ours, theirs, again):
    """Knowing what the reference does not reproduce takes findings away, and names each in what was not compared."""
    found = compare(trace(ours), trace(theirs))
    plain, informed = judge(found), judge(found, rerun=compare(trace(ours), trace(again)))
    kept = [one for finding in informed.findings for one in finding.measurements]
    before = [one for finding in plain.findings for one in finding.measurements]
    assert all(any(one is other for other in before) for one in kept)
    dropped = {(one.channel.name, one.name) for one in before if not any(one is other for other in kept)}
    assert dropped <= {(one.channel, one.name) for one in informed.not_compared}


@given(FINITE, st.integers(0, 40))
def test_ulp_counts_neighbours(start, steps):
    value = start
    for _ in range(steps):
        value = math.nextafter(value, math.inf)
    assume(math.isfinite(value))
    assert sizes(Kind.FLOAT, start, value)[2] == steps
    assert sizes(Kind.FLOAT, value, start)[2] == steps


@given(FINITE, FINITE, FINITE)
@example(-1.7e308, 0.0, 1.7e308)
def test_ulp_is_a_distance_along_the_line_of_floats(one, two, three):
    low, middle, high = sorted([one, two, three])
    parts = [sizes(Kind.FLOAT, *pair)[2] for pair in ((low, middle), (middle, high), (low, high))]
    assert None not in parts
    assert parts[0] + parts[1] == parts[2]


@given(BITS, BITS)
def test_sizes_never_fail_and_say_nothing_about_what_is_no_number(one, two):
    ours, theirs = float_of(one), float_of(two)
    absolute, relative, ulp = sizes(Kind.FLOAT, ours, theirs)
    if not (math.isfinite(ours) and math.isfinite(theirs)):
        assert (absolute, relative, ulp) == (None, None, None)
    else:
        assert (ulp == 0) == (ours == theirs)
        assert absolute in (None, abs(theirs - ours))
