from datetime import date
from pathlib import Path

import pytest

from parity.errors import PolicyError, UsageError
from parity.findings.ruling import Ruling
from parity.gate import Stored, gate
from parity.policy import read_policy
from parity.run.accepting import Acceptance, waive
from parity.run.ledger import load_ledger, write_waivers
from parity.run.plan import plan, tolerances
from tests.unit.findings.accepting import LATER, TODAY, charge, ledger, signature, waiver

WHY = Acceptance(reason="meant", owner="me", expires=LATER)
OTHER = signature(fingerprint="ab" * 6, channel="loss", names=("a", "b"))


def stored(*charges, pair="p", scenario="s"):
    ruling = Ruling(charges=charges)
    return Stored(pair=pair, scenario=scenario, verdict="different", exit_code=1, ruling=ruling)


def test_what_is_written_accepts_exactly_what_was_named(tmp_path: Path):
    results = [stored(charge(), charge(OTHER))]
    path = tmp_path / "deep" / "waivers.toml"
    write_waivers(path, [waive(results, "aa", WHY, TODAY), waive(results, "ab", WHY, TODAY)])
    decisions = load_ledger(path, None, TODAY)
    (decided,) = gate(results, decisions)
    assert (decided.exit_code, decided.verdict, len(decided.ruling.lifted)) == (0, "waived", 2)
    (again,) = gate([stored(charge(signature(size=40.0)), charge(OTHER))], decisions)
    assert (again.exit_code, again.verdict) == (1, "different")


@pytest.mark.parametrize("names", [("step [{}] loss* ?",), ("tab\there",), ("half \udc80",), ("",), ("a", "b")])
def test_any_name_can_be_accepted(names, tmp_path: Path):
    results = [stored(charge(signature(names=names)))]
    path = tmp_path / "waivers.toml"
    write_waivers(path, [waive(results, "a" * 12, WHY, TODAY)])
    assert gate(results, load_ledger(path, None, TODAY))[0].exit_code == 0


@pytest.mark.parametrize(
    ("results", "fingerprint", "told"),
    [
        ([stored(charge())], "b", "no stored finding"),
        ([stored(charge())], "", "no stored finding"),
        ([stored(charge(), charge(OTHER))], "a", "may be any of these"),
        ([stored(charge()), stored(charge(), scenario="t")], "aa", "p/t, lr all groups"),
        ([stored(charge(counts=False))], "aa", "nothing to accept"),
    ],
)
def test_what_cannot_be_accepted_says_why(results, fingerprint, told):
    with pytest.raises(UsageError, match=told):
        waive(results, fingerprint, WHY, TODAY)


@pytest.mark.parametrize(
    "acceptance",
    [
        Acceptance(reason=" ", owner="me", expires=LATER),
        Acceptance(reason="meant", owner="", expires=LATER),
        Acceptance(reason="meant", owner="me", expires=date(2026, 5, 31)),
    ],
)
def test_an_acceptance_has_a_reason_an_owner_and_a_future(acceptance):
    with pytest.raises(UsageError):
        waive([stored(charge())], "aa", acceptance, TODAY)


def test_an_invalid_ledger_is_not_written_over(tmp_path: Path):
    path = tmp_path / "waivers.toml"
    path.write_text("[[waivers]]\nwhy = 1\n", encoding="utf-8")
    with pytest.raises(PolicyError):
        write_waivers(path, [waiver()])
    assert path.read_text(encoding="utf-8") == "[[waivers]]\nwhy = 1\n"


def test_a_result_without_a_comparison_keeps_its_code():
    failed = Stored(pair="p", scenario="s", verdict="not-compared", exit_code=4)
    assert gate([failed], ledger(waiver())) == [failed]


def test_what_proves_nothing_does_not_pass_because_it_is_accepted():
    one = Stored(
        pair="p", scenario="s", verdict="different", exit_code=1, unproven=True, ruling=Ruling(charges=(charge(),))
    )
    (decided,) = gate([one], ledger(waiver()))
    assert (decided.exit_code, decided.verdict) == (3, "not-compared")


POLICY = """
[[tool.parity.ignored]]
channel = "{channel}"
pair = "o*"
reason = "known"
[[tool.parity.pairs]]
name = "one"
reference = "python old.py"
candidate = "python new.py"
environment = {{ A = "1", B = "1" }}
[[tool.parity.pairs.scenarios]]
name = "quick"
environment = {{ B = "2", C = "3" }}
follow = true
"""


def policy(place: Path, channel: str = "log_*"):
    path = place / "pyproject.toml"
    path.write_text(POLICY.format(channel=channel), encoding="utf-8")
    return read_policy(path)


def test_a_scenario_adds_to_the_environment_of_its_pair_and_may_follow(tmp_path: Path):
    (scenario,) = plan(policy(tmp_path), [], full=False)
    assert scenario.recording.environment == {"A": "1", "B": "2", "C": "3"}
    assert scenario.follows
    assert [(one.channel, one.name) for one in scenario.tolerances] == [("log_*", "*")]


def test_what_is_ignored_is_ignored_in_its_pairs_only(tmp_path: Path):
    assert len(tolerances(policy(tmp_path), "other")) == 1
    assert tolerances(policy(tmp_path), "two") == ()
    with pytest.raises(PolicyError, match="ignored, for no channel: unheard"):
        tolerances(policy(tmp_path, "unheard"), "one")
