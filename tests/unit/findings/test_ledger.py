from datetime import date

import pytest

from parity.findings.ledger import GateRule, complaints, strangers
from parity.findings.ruling import decided_code
from tests.unit.findings.accepting import charge, ledger, signature, waiver

PAST = date(2026, 5, 31)


def rule(verdict, *, gates, **patterns):
    return GateRule(verdict=verdict, gates=gates, reason="a rule", **patterns)


@pytest.mark.parametrize(
    ("decisions", "one", "gates"),
    [
        (ledger(), charge(), True),
        (ledger(), charge(counts=False), False),
        (ledger(waiver()), charge(), False),
        (ledger(waiver()), charge(signature(size=40.0)), True),
        (ledger(waiver(pair="q")), charge(), True),
        (ledger(waiver(scenario="t")), charge(), True),
        (ledger(waiver(expires=PAST)), charge(), True),
        (ledger(rules=(rule("different", gates=False),)), charge(), False),
        (ledger(rules=(rule("missing", gates=False),)), charge(), True),
        (ledger(rules=(rule("different", gates=False, channel="loss"),)), charge(), True),
        (ledger(rules=(rule("different", gates=False, scenario="t"),)), charge(), True),
        (ledger(rules=(rule("different", gates=False, pair="q"),)), charge(), True),
        (ledger(rules=(rule("different", gates=False, name="group 0"),)), charge(), True),
        (ledger(rules=(rule("different", gates=True),)), charge(counts=False), True),
        (ledger(waiver(), rules=(rule("different", gates=True),)), charge(counts=False), False),
        (ledger(rules=(rule("different", gates=True), rule("different", gates=False))), charge(), True),
    ],
)
def test_the_first_rule_decides_and_then_a_waiver(decisions, one, gates):
    decided = decisions.decide("p", "s", one)
    assert decided.gates is gates
    assert bool(decided.lifted) is ((one.counts and not gates) or (decided.waiver is not None))


def wrong(decisions, charges, pair="p"):
    decided = {name: [decisions.decide(pair, name, one) for one in found] for name, found in charges.items()}
    found = complaints(decisions, pair, decided)
    return [(place, one.signature.verdict, one.gates) for place, several in found.items() for one in several]


@pytest.mark.parametrize(
    ("decisions", "charges", "expected"),
    [
        (ledger(waiver()), {"s": [charge()]}, []),
        (ledger(waiver()), {"s": []}, [("s", "unused", True)]),
        (ledger(waiver()), {"s": [charge(signature(channel="loss"))]}, [("s", "unused", True)]),
        (ledger(waiver()), {"s": [charge(signature(size=40.0))]}, [("s", "stale", True)]),
        (ledger(waiver()), {"s": [charge(signature(size=40.0), counts=False)]}, [("s", "unused", True)]),
        (ledger(waiver()), {"t": [charge()]}, []),
        (ledger(waiver(), known={"p": ("s", "t")}), {"t": []}, []),
        (ledger(waiver(), known={"p": ("t",)}), {"t": []}, [("t", "stale", True)]),
        (ledger(waiver(scenario="t-first"), known={"p": ("t",)}), {"t": []}, []),
        (ledger(waiver(scenario="*")), {"s": [], "t": []}, [("s", "unused", True)]),
        (ledger(waiver(scenario="*"), known={"p": ("s", "t")}), {"s": []}, []),
        (ledger(waiver(scenario="*")), {"s": [], "t": [charge()]}, []),
        (ledger(waiver(expires=PAST)), {"s": [charge()]}, [("s", "expired", True)]),
        (ledger(waiver(expires=PAST)), {"s": []}, [("s", "expired", True)]),
        (ledger(waiver(pair="q")), {"s": []}, []),
        (ledger(waiver(), rules=(rule("unused", gates=False),)), {"s": []}, [("s", "unused", False)]),
        (ledger(waiver()), {}, []),
    ],
)
def test_waivers_of_no_use_are_findings_of_their_own(decisions, charges, expected):
    assert wrong(decisions, charges) == expected


def test_a_stale_waiver_says_what_is_not_as_accepted():
    decisions = ledger(waiver())
    found = complaints(decisions, "p", {"s": [charge(signature(size=40.0, update=3))]})
    assert found["s"][0].signature.candidate == "update 3 instead of 0; size 40.0 instead of 20.0"


def test_waivers_for_pairs_that_do_not_exist():
    decisions = ledger(waiver(), waiver(pair="gone"), known={"p": ("s",)})
    assert [one.signature.names[0].partition("/")[0] for one in strangers(decisions, [])] == ["gone"]
    assert strangers(decisions, ["gone"]) == []
    assert strangers(ledger(waiver(pair="gone")), []) == []


@pytest.mark.parametrize(
    ("charges", "unproven", "code"),
    [
        ([], False, 0),
        ([], True, 3),
        ([charge()], True, 1),
        ([charge(counts=False)], False, 0),
    ],
)
def test_the_code_of_a_scenario(charges, unproven, code):
    assert decided_code(charges, unproven=unproven) == code
