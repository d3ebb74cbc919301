import json

import pytest

from parity.compare.engine import compare
from parity.diagnose.outcome import Outcome
from parity.errors import (
    CANNOT_COMPARE,
    CannotCompareError,
    ParityError,
    ReferenceFailedError,
    TraceMissingError,
    TraceUnreadableError,
    UsageError,
)
from parity.findings.judge import judge
from parity.gate import RESULT, exit_code, gate, read_results
from parity.run.results import write_results
from tests.unit.compare.trace_builder import run, series, trace
from tests.unit.findings.accepting import ledger


def outcome(*, loss=1.0, error=None, scenario="s"):
    """One scenario in parity where the loss is 1.0."""
    judgement = judge(compare(run(series("loss", [1.0])), run(series("loss", [loss]))))
    return Outcome(pair="p", scenario=scenario, judgement=None if error else judgement, error=error)


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([], 0),
        ([outcome()], 0),
        ([outcome(loss=2.0)], 1),
        ([outcome(error=UsageError("x"))], 2),
        ([outcome(error=CannotCompareError("x"))], 3),
        ([outcome(error=ReferenceFailedError("x"))], 4),
        ([outcome(error=ParityError("x"))], 5),
        ([outcome(), outcome(loss=2.0), outcome()], 1),
        ([outcome(error=ReferenceFailedError("x")), outcome(loss=2.0)], 4),
        ([outcome(loss=2.0), outcome(error=CannotCompareError("x")), outcome()], 3),
    ],
)
def test_the_gravest_outcome_counts(outcomes, code):
    assert exit_code(outcomes) == code


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        pytest.param(trace(), trace(), id="nothing recorded"),
        pytest.param(run(), run(), id="nothing observed"),
        pytest.param(
            run(series("log_value", [1.0], "took {}#0")), run(series("log_value", [1.0], "took {}#0")), id="only clocks"
        ),
    ],
)
def test_nothing_compared_is_no_parity(ours, theirs):
    one = Outcome(pair="p", scenario="s", judgement=judge(compare(ours, theirs)))
    assert one.exit_code == CANNOT_COMPARE


def stored_exit_code(directory):
    """Exit code, and (name, verdict) of every result, without any decisions."""
    decided = gate(read_results(directory), ledger())
    return max(one.exit_code for one in decided), [(one.name, one.verdict) for one in decided]


def stored(directory, name, **content):
    path = directory / name / RESULT
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"pair": "p", "scenario": name, "verdict": "identical", **content}), encoding="utf-8")
    return path


def test_all_stored_results_are_gathered(tmp_path):
    stored(tmp_path, "b/second", exit_code=0)
    stored(tmp_path, "a/first", exit_code=1, verdict="different")
    assert stored_exit_code(tmp_path) == (1, [("p/a/first", "different"), ("p/b/second", "identical")])


def test_one_result_file_can_be_named(tmp_path):
    stored(tmp_path, "bad", exit_code=1)
    path = stored(tmp_path, "good", exit_code=0)
    assert stored_exit_code(path) == (0, [("p/good", "identical")])


@pytest.mark.parametrize("name", ["nothing here", ""])
def test_no_result_is_no_parity(tmp_path, name):
    with pytest.raises(TraceMissingError, match=r"result\.json"):
        read_results(tmp_path / name)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b"null",
        b"\xff\xfe",
        b"{}",
        b'{"exit_code": 0}',
        b'{"exit_code": null, "pair": "p", "scenario": "s", "verdict": "identical"}',
        b'{"exit_code": "zero", "pair": "p", "scenario": "s", "verdict": "identical"}',
    ],
)
def test_a_broken_result_is_never_passed_over(tmp_path, text):
    stored(tmp_path, "good", exit_code=0)
    stored(tmp_path, "bad", exit_code=0).write_bytes(text)
    with pytest.raises(TraceUnreadableError, match="bad"):
        read_results(tmp_path)


@pytest.mark.parametrize(
    ("outcomes", "code", "words"),
    [
        ([outcome(scenario="a")], 0, ["identical"]),
        ([outcome(scenario="a"), outcome(scenario="b", loss=2.0)], 1, ["identical", "different"]),
        ([outcome(scenario="a", error=ReferenceFailedError("it failed"))], 4, ["not-compared"]),
    ],
)
def test_what_a_session_stores_can_be_gated(tmp_path, outcomes, code, words):
    write_results(outcomes, tmp_path / "p")
    expected = [(f"p/{one.scenario}", word) for one, word in zip(outcomes, words, strict=True)]
    assert stored_exit_code(tmp_path) == (code, expected)
