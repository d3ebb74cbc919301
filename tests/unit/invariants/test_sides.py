"""Both sides of a comparison: who violates what, and whether that makes the comparison fail."""

import pytest

from parity.compare.engine import compare
from parity.errors import CANNOT_COMPARE, PARITY, VIOLATED
from parity.invariants.lint import lint, lint_both, lint_exit_code
from parity.invariants.registry import INVARIANTS
from parity.report.discrepancy import discrepancy_report
from parity.report.machine import result_json
from parity.report.markdown import render_markdown
from parity.run.conclusion import conclude
from tests.unit.compare.trace_builder import run, series

CLEARED, CARRIED = ([0, 0, 0], [0, 0, 2])
LINE = "train loss {}, val loss {}"


def side(carried=None, losses=None):
    found = [series("lr", [0.1, 0.1, 0.1], "all groups"), series("loss", [1.0, 2.0, 3.0])]
    if carried is not None:
        found.append(series("carried_gradients", carried))
    for position, values in enumerate(losses or ()):
        found.append(series("log_value", values, f"{LINE}#{position}"))
    return run(*found)


CASES = {
    "neither": (side(CLEARED), side(CLEARED), [], PARITY),
    "reference only": (side(CARRIED), side(CLEARED), [("gradients-cleared", "reference", False)], PARITY),
    "candidate only": (side(CLEARED), side(CARRIED), [("gradients-cleared", "candidate", True)], VIOLATED),
    "both": (side(CARRIED), side(CARRIED), [("gradients-cleared", "both", False)], PARITY),
    "reference unknown": (side(), side(CARRIED), [("gradients-cleared", "candidate", False)], PARITY),
    "wording": (
        side(CLEARED, losses=([1.0, 2.0], [3.0, 4.0])),
        side(CLEARED, losses=([1.0, 2.0], [1.0, 2.0])),
        [("losses-reported-apart", "candidate", False)],
        None,
    ),
}


@pytest.mark.parametrize(("reference", "candidate", "expected", "code"), CASES.values(), ids=CASES)
def test_only_the_candidate_alone_gates(reference, candidate, expected, code):
    both = lint_both(reference, candidate)
    assert [(one.candidate.invariant.id, one.sides, one.gates) for one in both.betrayals] == expected
    outcome = conclude("pair", "scenario", compare(reference, candidate), None)
    assert outcome.invariants == both
    if code is not None:
        assert outcome.exit_code == code


def test_the_report_says_which_side_and_why():
    outcome = conclude("pair", "scenario", compare(side(CLEARED), side(CARRIED)), None)
    text = render_markdown(discrepancy_report([outcome]))
    assert "**Different.**" in text
    assert "the candidate alone violates what must hold in any run" in text
    section = text[text.index("What each run betrays by itself") :]
    assert "Gradients are accumulated across updates" in section
    assert "**Candidate only.** This counts against parity." in section
    assert "-   Reference: it holds." in section
    assert "`carried_gradients, update 2: gradients of 2 parameters still hold those of the step before" in section
    (found,) = result_json(outcome)["invariants"]
    assert (found["id"], found["sides"], found["gates"]) == ("gradients-cleared", "candidate", True)


def test_the_report_of_clean_sides_says_what_was_not_compared():
    outcome = conclude("pair", "scenario", compare(side(CLEARED), side(CLEARED)), None)
    section = render_markdown(discrepancy_report([outcome])).partition("What each run betrays by itself")[2]
    assert "Nothing that could be checked is violated." in section
    assert "not compared: samples-once" in section


@pytest.mark.parametrize(
    ("found", "code"), [(side(CARRIED), VIOLATED), (side(CLEARED), PARITY), (run(), CANNOT_COMPARE)]
)
def test_exit_code(found, code):
    assert lint_exit_code(lint(found)) == code


def test_every_invariant_is_said_in_full():
    assert len({one.id for one in INVARIANTS}) == len(INVARIANTS) >= 20
    for one in INVARIANTS:
        assert one.title != one.broken
        assert one.consequence.endswith(".")
        assert one.advice.endswith(".")
        assert one.needs
