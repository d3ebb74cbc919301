import pytest

from parity.compare.engine import compare
from parity.compare.tolerance import Tolerance, find_tolerance
from parity.findings.judge import judge
from parity.findings.model import Verdict
from tests.unit.compare.trace_builder import run, series


def tolerance(**known):
    return Tolerance(**{"channel": "loss", "reason": "agreed", **known})


def accepted(ours, theirs, tolerances):
    found = compare(run(ours), run(theirs))
    return [find_tolerance(one, found, tolerances) is not None for one in found.measurements]


LOSS = series("loss", [1.0, 2.0, 4.0])
OTHER = series("loss", [1.0, 2.5, 4.5])


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"absolute": 0.5}, True),
        ({"absolute": 0.4}, False),
        ({"relative": 0.25}, True),
        ({"relative": 0.2}, False),
        ({"relative": 0.2, "absolute": 0.5}, True),
        ({"ulp": 1 << 51}, True),
        ({"ulp": 1}, False),
        ({"absolute": 1.0, "updates": (1, 2)}, True),
        ({"absolute": 1.0, "updates": (0, 1)}, False),
        ({"absolute": 1.0, "updates": (2, 9)}, False),
        ({"absolute": 1.0, "channel": "lo*"}, True),
        ({"absolute": 1.0, "channel": "lr"}, False),
        ({"absolute": 1.0, "name": "x*"}, False),
    ],
)
def test_every_value_that_differs_must_be_accepted(bounds, expected):
    assert accepted(LOSS, OTHER, [tolerance(**bounds)]) == [expected]


def test_what_is_missing_is_never_accepted():
    assert accepted(LOSS, series("loss", [1.0]), [tolerance(absolute=9.0)]) == [False]


def test_what_is_no_number_is_never_accepted():
    sides = (series("parameter_kind", [kind], "w", updates=[-1]) for kind in ("float32[2]", "float32[3]"))
    assert accepted(*sides, [tolerance(channel="*", absolute=9e9, relative=9e9, ulp=1 << 63)]) == [False]


def test_a_tensor_of_which_nobody_knows_the_distance_is_not_accepted():
    sides = (series("parameter", [digest], "w") for digest in (1, 2))
    assert accepted(*sides, [tolerance(channel="parameter", relative=9e9)]) == [False]


def test_an_accepted_difference_is_equivalent_and_says_by_what():
    judgement = judge(compare(run(LOSS), run(OTHER)), tolerances=[tolerance(absolute=0.5, updates=(1, 2))])
    (finding,) = judgement.findings
    assert (judgement.verdict, finding.verdict, finding.gates) == (Verdict.EQUIVALENT, Verdict.EQUIVALENT, False)
    assert finding.tolerance == "loss * in updates 1 to 2, absolute 0.5: agreed"


def test_what_is_accepted_and_what_is_not_are_two_findings_of_one_channel():
    ours, theirs = ([series("gradient_norm", [1.0]), series("log_value", [value], "a#0")] for value in (1.0, 2.0))
    ours.append(series("log_value", [1.0], "a#1"))
    theirs.append(series("log_value", [9.0], "a#1"))
    judgement = judge(compare(run(*ours), run(*theirs)), tolerances=[tolerance(channel="log_value", absolute=1.0)])
    assert [(one.names, one.gates) for one in judgement.findings] == [(("a#0",), False), (("a#1",), True)]
