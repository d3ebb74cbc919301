import pytest

from parity.compare.engine import compare
from parity.compare.measurement import Coverage
from parity.compare.tolerance import Ignored
from parity.findings.judge import judge
from parity.findings.model import Verdict
from tests.unit.compare.trace_builder import process, run, series, trace

OURS = (series("loss", [1.0, 2.0]), series("gradient", [1, 2], "a"), series("gradient", [1, 2], "b.bias"))


def ignored(channel, name="*"):
    return Ignored(channel=channel, name=name, reason="it is known")


def judged(theirs, *rules, ours=OURS):
    return judge(compare(run(*ours), run(*theirs)), tolerances=rules)


def listed(judgement):
    return [(one.channel, one.name) for one in judgement.not_compared if one.reason == "ignored: it is known"]


BIAS = (*OURS[:2], series("gradient", [1, 3], "b.bias"))


@pytest.mark.parametrize(
    ("theirs", "rule", "verdict"),
    [
        (BIAS, ignored("gradient", "*.bias"), Verdict.IDENTICAL),
        (BIAS, ignored("gradient", "a"), Verdict.DIFFERENT),
        (BIAS, ignored("loss"), Verdict.DIFFERENT),
        (OURS[:2], ignored("gradient", "*.bias"), Verdict.IDENTICAL),
        ((*OURS, series("gradient", [1], "c.bias")), ignored("gradient", "*.bias"), Verdict.IDENTICAL),
        ((*OURS, series("gradient", [1], "c")), ignored("gradient", "*.bias"), Verdict.DIFFERENT),
    ],
)
def test_what_is_ignored_does_not_count(theirs, rule, verdict):
    assert judged(theirs, rule).verdict is verdict


@pytest.mark.parametrize("theirs", [BIAS, OURS])
def test_it_is_listed_as_not_compared_even_where_it_is_equal(theirs):
    judgement = judged(theirs, ignored("gradient", "*.bias"))
    assert listed(judgement) == [("gradient", "b.bias")]
    assert judgement.comparison.coverage["gradient"] == Coverage(series=1, values=2, equal=2)


def test_a_channel_that_is_ignored_is_not_covered():
    judgement = judged(BIAS, ignored("gradient"))
    assert "gradient" not in judgement.comparison.coverage
    assert judgement.findings == ()


def test_ignoring_everything_proves_nothing():
    assert judged(OURS, ignored("*")).verdict is Verdict.NOT_COMPARED


def test_every_rank_is_left_out():
    def side(value):
        return trace(*(process(series("gradient", [value], "a"), series("loss", [1.0]), rank=rank) for rank in (0, 1)))

    judgement = judge(compare(side(1), side(2)), tolerances=[ignored("gradient")])
    assert judgement.verdict is Verdict.IDENTICAL
    assert set(judgement.comparison.coverage) == {"loss"}


def test_without_rules_the_comparison_is_the_same_object():
    comparison = compare(run(*OURS), run(*BIAS))
    assert judge(comparison).comparison is comparison
