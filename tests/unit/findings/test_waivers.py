from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.findings.waivers import SIZE_TOLERANCE, VALUE_TOLERANCE
from tests.unit.findings.accepting import LATER, signature, waiver


def test_a_waiver_covers_the_finding_it_was_made_of():
    assert waiver().covers(signature())


@pytest.mark.parametrize(
    "changed",
    [
        {"fingerprint": "b" * 12},
        {"channel": "loss"},
        {"verdict": "missing"},
        {"update": 1},
        {"reference": "0.0011"},
        {"candidate": "0.003"},
        {"candidate": "nan"},
        {"candidate": ""},
        {"differing": 19},
        {"size": 40.0},
        {"size": 20.0 * (1 + 2 * SIZE_TOLERANCE)},
        {"size": None},
    ],
    ids=str,
)
def test_another_signature_is_another_defect(changed):
    assert not waiver().covers(signature(**changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"reference": repr(0.001 * (1 + VALUE_TOLERANCE / 2))},
        {"candidate": repr(0.002 * (1 - VALUE_TOLERANCE / 2))},
        {"size": 20.0 * (1 + SIZE_TOLERANCE / 2)},
    ],
    ids=str,
)
def test_rounding_of_another_machine_is_the_same_defect(changed):
    assert waiver().covers(signature(**changed))


OPEN = {"fingerprint": None, "update": None, "reference": None, "candidate": None, "differing": None, "size": None}


@pytest.mark.parametrize(
    ("patterns", "names", "covered"),
    [
        ({"name": "*.bias"}, ("a.bias", "b.bias"), True),
        ({"name": "*.bias"}, ("a.bias", "b.weight"), False),
        ({"channel": "l*"}, ("x",), True),
        ({"channel": "g*"}, ("x",), False),
        ({}, ("anything", "at all"), True),
    ],
    ids=str,
)
def test_a_pattern_has_to_fit_every_series(patterns, names, covered):
    assert waiver(**OPEN, **patterns).covers(signature(names=names)) is covered


@pytest.mark.parametrize(
    ("pattern", "scenario", "covered"), [("s", "s", True), ("s", "s2", False), ("s*", "s2", True), ("*", "", True)]
)
def test_scenarios_are_patterns_and_pairs_are_not(pattern, scenario, covered):
    assert waiver(scenario=pattern).concerns("p", scenario) is covered
    assert not waiver(scenario=pattern, pair="p*").concerns("p", scenario)


NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)
SIGNATURES = st.fixed_dictionaries(
    {
        "fingerprint": st.sampled_from(["a" * 12, "b" * 12]),
        "channel": st.sampled_from(["lr", "loss"]),
        "verdict": st.sampled_from(["different", "missing", "violated"]),
        "update": st.integers(-1, 3),
        "reference": NUMBERS.map(repr),
        "candidate": st.one_of(NUMBERS.map(repr), st.text(max_size=3)),
        "differing": st.integers(1, 3),
        "size": st.one_of(st.none(), st.floats(0, 1e6)),
    }
)


def near(accepted, found, relative):
    try:
        ours, theirs = float(accepted), float(found)
    except (TypeError, ValueError):
        return accepted == found
    return accepted == found or abs(ours - theirs) <= relative * max(abs(ours), abs(theirs))


KEYS = ("fingerprint", "channel", "verdict", "update", "reference", "candidate", "differing", "size")


@given(SIGNATURES, SIGNATURES, st.sets(st.sampled_from(KEYS), min_size=1, max_size=2))
def test_a_waiver_never_waives_a_finding_with_another_signature(ours, others, changed):
    theirs = {key: (others if key in changed else ours)[key] for key in KEYS}
    accepted, found = signature(**ours), signature(**theirs)
    one = waiver(**ours)
    assert one.covers(accepted)
    same = all(ours[key] == theirs[key] for key in ("fingerprint", "channel", "verdict", "update", "differing"))
    alike = all(near(ours[key], theirs[key], VALUE_TOLERANCE) for key in ("reference", "candidate"))
    size = ours["size"] is None or near(ours["size"], theirs["size"], SIZE_TOLERANCE)
    assert one.covers(found) == (same and alike and size)


@given(SIGNATURES, st.sampled_from(sorted(OPEN)))
def test_what_is_left_out_accepts_more_and_never_less(theirs, key):
    if waiver().covers(signature(**theirs)):
        assert waiver(**{key: None}).covers(signature(**theirs))


@given(st.integers(-400, 400))
def test_it_holds_until_its_last_day(days):
    from tests.unit.findings.accepting import ledger

    today = LATER + timedelta(days=days)
    assert bool(ledger(waiver(), today=today).valid) == (days <= 0)
    assert bool(ledger(waiver(), today=today).ending) == (-14 <= days <= 0)


def test_it_says_why_who_and_until_when():
    assert str(waiver(expires=date(2027, 1, 2))) == "meant (me, until 2027-01-02)"
