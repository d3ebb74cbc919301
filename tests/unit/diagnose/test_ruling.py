"""What the ledger makes of outcomes, and that a waiver for one defect never hides another."""

from dataclasses import replace

import pytest

from parity.compare.engine import compare
from parity.diagnose.library import RULES
from parity.diagnose.outcome import Outcome
from parity.diagnose.registry import diagnose
from parity.diagnose.ruling import ruled
from parity.errors import CannotCompareError
from parity.findings.judge import judge
from parity.findings.ledger import GateRule
from parity.findings.model import Verdict
from parity.findings.waivers import Waiver
from parity.invariants.lint import lint_both
from parity.report.facts import verdict
from parity.report.machine import result_json
from tests.unit.compare.trace_builder import run, series
from tests.unit.findings.accepting import LATER, ledger

RATES = [1e-3] * 10


def warmed(updates):
    return [min(1, update / updates) * 1e-3 for update in range(10)]


def outcome(rates, *others, scenario="s"):
    same = [series("loss", [1.0, 2.0]), series("updates", [10], updates=[9])]
    sides = [run(series("lr", one, "all groups"), *same) for one in (RATES, rates)]
    comparison = compare(sides[0], run(*sides[1].processes[0].series.values(), *others))
    judgement = judge(comparison)
    return Outcome(
        pair="p",
        scenario=scenario,
        judgement=judgement,
        diagnosis=diagnose(judgement, RULES),
        invariants=lint_both(comparison.reference, comparison.candidate),
    )


def accepted(one):
    """Waivers for everything that counts in an outcome."""
    (decided,) = ruled([one], ledger())
    waivers = []
    for charge in decided.ruling.gating:
        content = {key: value for key, value in vars(charge.signature).items() if key != "names"}
        waivers.append(Waiver(pair="p", scenario="s", reason="meant", owner="me", expires=LATER, **content))
    return waivers


def test_without_decisions_nothing_changes():
    one = outcome(warmed(5))
    (same,) = ruled([one], ledger())
    assert (same.exit_code, same.judgement.verdict) == (1, Verdict.DIFFERENT)
    assert same.judgement == one.judgement


def test_what_is_accepted_does_not_count_and_is_told():
    one = outcome(warmed(5))
    (decided,) = ruled([one], ledger(*accepted(one)))
    assert (decided.exit_code, verdict(decided)) == (0, Verdict.WAIVED)
    assert {charge.signature.channel for charge in decided.ruling.lifted} == {"lr", "invariant"}
    assert decided.judgement.findings[0].waiver == "meant (me, until 2026-12-31)"
    result = result_json(decided)
    assert (result["verdict"], result["exit_code"]) == ("waived", 0)
    assert result["gate"]["charges"][0]["waiver"] == {"expires": "2026-12-31", "owner": "me", "reason": "meant"}


@pytest.mark.parametrize("updates", [2, 4, 6, 8])
def test_the_same_channel_with_another_size_still_gates(updates):
    """The first value is the same, 0 instead of 1e-3: the whole series tells that it is another warm-up."""
    decisions = ledger(*accepted(outcome(warmed(5))))
    (decided,) = ruled([outcome(warmed(updates))], decisions)
    assert decided.exit_code == 1
    assert "lr" in {finding.channel.name for finding in decided.judgement.gating}
    assert "stale" in {charge.signature.verdict for charge in decided.ruling.complaints}


def test_another_defect_beside_the_accepted_one_still_gates():
    one = outcome(warmed(5))
    (decided,) = ruled([outcome(warmed(5), series("gradient_norm", [1.0]))], ledger(*accepted(one)))
    assert (decided.exit_code, verdict(decided)) == (1, Verdict.DIFFERENT)
    assert [finding.channel.name for finding in decided.judgement.gating] == ["gradient_norm"]


def test_a_waiver_that_nothing_needs_fails_what_is_identical():
    (decided,) = ruled([outcome(RATES)], ledger(*accepted(outcome(warmed(5)))))
    assert (decided.exit_code, verdict(decided)) == (1, Verdict.IDENTICAL)
    assert {charge.signature.verdict for charge in decided.ruling.complaints} == {"unused"}


def test_an_error_cannot_be_accepted():
    failed = Outcome(pair="p", scenario="s", error=CannotCompareError("x"))
    assert ruled([failed], ledger(*accepted(outcome(warmed(5))))) == [failed]


def rule(verdict, *, gates, **patterns):
    return GateRule(verdict=verdict, gates=gates, reason="a rule", **patterns)


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ([rule("different", gates=False), rule("violated", gates=False)], 0),
        ([rule("different", gates=False)], 1),
        ([rule("violated", gates=False, name="learning-rate-positive")], 1),
        ([rule("different", gates=False), rule("violated", gates=False, name="another")], 1),
    ],
)
def test_rules_decide_about_findings_and_invariants(rules, code):
    (decided,) = ruled([outcome(warmed(5))], ledger(rules=tuple(rules)))
    assert decided.exit_code == code


def test_what_was_not_compared_counts_where_a_rule_says_so():
    decisions = ledger(rules=(rule("not-compared", gates=True, channel="gradient"),))
    (decided,) = ruled([outcome(RATES)], decisions)
    assert (decided.exit_code, verdict(decided)) == (1, Verdict.IDENTICAL)
    assert [one.signature.channel for one in decided.ruling.beside] == ["gradient"]


def test_the_diagnosis_stays_as_it_was():
    one = outcome(warmed(5))
    (decided,) = ruled([one], ledger(*accepted(one)))
    assert decided.diagnosis == one.diagnosis
    assert replace(decided, judgement=None, invariants=None, ruling=None) == replace(
        one, judgement=None, invariants=None
    )
