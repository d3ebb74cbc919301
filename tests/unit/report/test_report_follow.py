"""What is said of a pass in follow mode: the phases, the writes, and why nothing was followed."""

import io
from dataclasses import replace

from rich.console import Console

from parity.compare.following import PhaseVerdict
from parity.findings.following import Followed
from parity.report.discrepancy import discrepancy_report
from parity.report.machine import result_json
from parity.report.markdown import render_markdown
from parity.report.terminal import print_outcome
from tests.unit.report import report_examples as examples
from tests.unit.report.report_builders import cause, found, outcome

PHASES = (
    PhaseVerdict(name="data", judged=8, different=(), not_compared=0),
    PhaseVerdict(name="forward", judged=8, different=(2, 3), not_compared=0),
    PhaseVerdict(name="backward", judged=6, different=(), not_compared=2, reasons=("the forward differs",)),
    PhaseVerdict(name="eval", judged=0, different=(), not_compared=0),
)


def followed(**given):
    outcome = examples.lagging()
    return replace(outcome, followed=Followed(plain=outcome.judgement, **given))


def printed(outcome):
    stream = io.StringIO()
    print_outcome(outcome, Console(file=stream, no_color=True, width=40))
    return stream.getvalue()


def test_every_phase_has_a_row_and_a_word():
    text = render_markdown(discrepancy_report([followed(phases=PHASES, writes={"outputs": 2, "inputs": 1000})]))
    assert "1,002 values replaced by the reference's (outputs 2, inputs 1,000)." in text
    rows = [line for line in text.splitlines() if line.startswith(("| data", "| forward", "| backward", "| eval"))]
    assert rows == [
        "| data | identical | 8 |  |  |",
        "| forward | **different** | 8 | 2 of 8 updates, first 2 |  |",
        "| backward | not compared | 6 |  | 2 updates: the forward differs |",
        "| eval | not observed | 0 |  |  |",
    ]


def test_the_terminal_lists_what_is_not_identical_and_clears_the_rest():
    text = printed(followed(phases=PHASES, writes={"outputs": 2}))
    assert "  followed          2 values replaced by the reference's\n" in text
    assert "    forward         different, in 2 of 8 updates, first 2\n" in text
    assert "    backward        not compared: the forward differs\n" in text
    assert "    identical       data\n" in text
    assert "eval" not in text.partition("followed")[2].partition("further")[0]


def test_the_terminal_names_every_independent_cause_with_its_phase_and_what_nobody_explains():
    names = ("lr", "loss", "batch", "parameter", "eval_output")
    findings = [found(name, 1.0, 2.0) for name in names]
    known = findings[:-1]
    plain = outcome(*findings, causes=[cause(f"Cause of {one.channel.name}", one) for one in known])
    text = printed(replace(plain, followed=Followed(plain=plain.judgement, phases=PHASES)))
    assert "  independent       4 causes, none of which follows from another\n" in text
    assert text.count("  probable cause ") == len(known)
    assert "Cause of loss. Explains 1 of 5 findings (20 %), first in phase loss\n" in text
    assert "  cause unknown     of 1 finding that no cause above explains\n" in text
    refused = printed(replace(plain, followed=Followed(plain=plain.judgement, refusal="two ranks")))
    assert ("independent" in refused, "cause unknown" in refused, "further cause" in refused) == (False, False, True)


def test_no_write_is_said_too():
    assert "no value had to be replaced by the reference's" in printed(followed(phases=PHASES[:1]))


def test_a_refusal_never_looks_like_a_verdict():
    refused = followed(refusal="2 ranks cannot follow 1")
    assert "not followed      2 ranks cannot follow 1" in printed(refused)
    text = render_markdown(discrepancy_report([refused]))
    assert "Not followed: 2 ranks cannot follow 1." in text
    assert "| data |" not in text
    result = result_json(refused)["followed"]
    assert (result["refusal"] != "", result["phases"]) == (True, [])


def test_the_result_says_the_same_as_the_report():
    result = result_json(followed(phases=PHASES, writes={"outputs": 2}))["followed"]
    assert [(one["phase"], one["verdict"], one["first"]) for one in result["phases"]] == [
        ("data", "identical", None),
        ("forward", "different", 2),
        ("backward", "not-compared", None),
        ("eval", None, None),
    ]
    assert (result["writes"], result["written"]) == ({"outputs": 2}, 2)


def test_without_following_nothing_is_said_of_it():
    assert "Phase by phase" not in render_markdown(discrepancy_report([examples.lagging()]))
    assert "followed" not in result_json(examples.lagging())
