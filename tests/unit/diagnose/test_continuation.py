"""What a resumed run does a second time, on traces made by hand."""

import pytest

from parity.diagnose.continuation.model import Parts
from parity.diagnose.continuation.rules import continue_run
from tests.unit.compare.trace_builder import parameters, run, series

RATES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
WEIGHTS = [10, 11, 12, 13, 14, 15, 16]
BEGIN = 4
IN_MID_TRAINING = {"operation freeze: iter {}": [1], "operation freeze: completed": [1]}
AT_THE_START = {"tokens per iteration: {}": [-1], "optimizer state of {} parameters": [-1]}
AT_THE_STOP = {"saving a checkpoint": [1, 3, 5], "best loss so far": [3]}


def said(lines):
    return [series("log_line", [1] * len(updates), name, updates=updates) for name, updates in lines.items()]


def straight(lines):
    return run(*parameters({"w": 9}), series("lr", RATES), series("parameter", WEIGHTS, "w"), *said(lines))


def resumed(lines, rates):
    weights = [WEIGHTS[BEGIN - 1]]
    again = series("parameter", WEIGHTS[BEGIN:], "w")
    return run(*parameters({"w": weights[0]}), series("lr", rates), again, *said({name: [-1] for name in lines}))


def continued(lines, again, rates):
    first = run(*parameters({"w": 9}), series("lr", RATES[:BEGIN]), series("parameter", WEIGHTS[:BEGIN], "w"))
    return continue_run(Parts(straight=straight(lines), first=first, resumed=resumed(again, rates)))


EVERYTHING = {**IN_MID_TRAINING, **AT_THE_START, **AT_THE_STOP}
OTHER_RATES = [0.9, *RATES[BEGIN + 1 :]]


def test_what_is_said_again_before_the_first_resumed_update_was_done_again():
    side = continued(EVERYTHING, IN_MID_TRAINING, OTHER_RATES)
    (cause,) = side.diagnosis.causes
    assert cause.id == "resume-work-repeated"
    assert side.diagnosis.unexplained == ()
    assert [line for line in cause.evidence if "again" in line] == [
        f"printed again before the first update: {name!r}, which belongs to update 1" for name in IN_MID_TRAINING
    ]
    assert "lr, update 4: 0.5 in the straight run, 0.9 in the resumed run" in cause.evidence


@pytest.mark.parametrize(
    ("again", "rates"),
    [
        (AT_THE_START, OTHER_RATES),
        (AT_THE_STOP, OTHER_RATES),
        (["operation freeze: completed"], OTHER_RATES),
        (["resuming from {}", "weights: {} loaded"], OTHER_RATES),
        (IN_MID_TRAINING, RATES[BEGIN:]),
        (IN_MID_TRAINING, [*RATES[BEGIN:-1], 0.9]),
    ],
    ids=["said at every start", "said at the stop", "a single line", "said on a resume", "no effect", "a late effect"],
)
def test_lines_that_are_due_or_have_no_effect_are_left_alone(again, rates):
    assert "resume-work-repeated" not in continued(EVERYTHING, again, rates).causes


def begun(rates, weights, start):
    """A run of which the weights begin as ``start``."""
    return run(*parameters({"w": start}), series("lr", rates), series("parameter", weights, "w"))


@pytest.mark.parametrize(
    ("resumed", "is_over"),
    [
        (begun(RATES, WEIGHTS, 9), True),
        (begun(RATES[:BEGIN], WEIGHTS[:BEGIN], 9), False),
        (begun(RATES[BEGIN:], WEIGHTS[:3], 9), False),
        (begun(RATES[BEGIN:], WEIGHTS[BEGIN:], WEIGHTS[BEGIN - 1]), False),
    ],
    ids=["the whole run again", "less than the whole", "weights not loaded", "resumed"],
)
def test_a_run_that_begins_and_ends_as_the_straight_one_has_started_over(resumed, is_over):
    first = begun(RATES[:BEGIN], WEIGHTS[:BEGIN], 9)
    side = continue_run(Parts(straight=begun(RATES, WEIGHTS, 9), first=first, resumed=resumed))
    assert ("resume-started-over" in side.causes) is is_over
    if is_over:
        assert list(side.causes) == ["resume-started-over"]
        assert side.diagnosis.unexplained == ()


def test_a_schedule_that_is_wrong_in_the_first_update_only_is_not_shifted():
    side = continued(EVERYTHING, (), OTHER_RATES)
    assert side.diagnosis.causes == ()
    assert side.diagnosis.unexplained != ()
