from pathlib import Path

import pytest

from parity.errors import UsageError
from parity.policy import PairPolicy, Policy, ScenarioPolicy
from parity.record.launch import Recording
from parity.run.plan import Scenario, Side, by_pair, fill, plan


def pair(name="one", scenarios=None, **options):
    known = {"reference": "python old.py", "candidate": "python new.py", **options}
    return PairPolicy(name=name, scenarios=scenarios or (ScenarioPolicy(name="quick"),), **known)


def planned(*pairs, names=(), full=False, **options):
    return plan(Policy(pairs=pairs, **options), names, full=full)


BOTH_TIERS = (ScenarioPolicy(name="short"), ScenarioPolicy(name="long", tier="full"))


@pytest.mark.parametrize(("full", "expected"), [(False, ["short"]), (True, ["short", "long"])])
def test_tier_full_runs_only_on_request(full, expected):
    assert [one.name for one in planned(pair(scenarios=BOTH_TIERS), full=full)] == expected


@pytest.mark.parametrize(
    ("names", "expected"), [((), ["one", "two"]), (("two",), ["two"]), (("two", "one"), ["one", "two"])]
)
def test_pairs_are_chosen_by_name_in_the_order_of_the_policy(names, expected):
    assert [one.pair for one in planned(pair("one"), pair("two"), names=names)] == expected


def test_unknown_pairs_are_all_named():
    with pytest.raises(UsageError, match=r"three, four; the policy has: one, two"):
        planned(pair("one"), pair("two"), names=("one", "three", "four"))


def test_a_policy_without_pairs_has_nothing_to_run():
    with pytest.raises(UsageError, match="none"):
        planned()


def test_only_full_scenarios_and_no_request_for_them_is_nothing_to_run():
    """A session of no scenario would end with exit code 0, as if there were parity."""
    with pytest.raises(UsageError, match="full"):
        planned(pair(scenarios=(ScenarioPolicy(name="long", tier="full"),)))


def test_the_candidate_may_have_arguments_of_its_own():
    scenario = ScenarioPolicy(name="quick", arguments="--b", candidate_arguments="--c", prepare="--p")
    (chosen,) = planned(pair(candidate="python new.py {arguments} > log", arguments="--a", scenarios=(scenario,)))
    assert (chosen.reference, chosen.candidate) == ("python old.py --a --b", "python new.py --a --b --c > log")
    assert (chosen.prepare_reference, chosen.prepare_candidate) == (
        "python old.py --a --p",
        "python new.py --a --p --c > log",
    )


@pytest.mark.parametrize(
    ("command", "of_pair", "of_scenario", "expected"),
    [
        ("python x.py", "", "", "python x.py"),
        ("python x.py", "--a", "", "python x.py --a"),
        ("python x.py", "", "--b", "python x.py --b"),
        ("python x.py", "--a", "--b 'c d'", "python x.py --a --b 'c d'"),
        ("python x.py {arguments} > log", "--a", "--b", "python x.py --a --b > log"),
        ("sh -c '{arguments}'", "", "", "sh -c ''"),
    ],
)
def test_arguments_go_to_their_place(command, of_pair, of_scenario, expected):
    scenario = ScenarioPolicy(name="s", arguments=of_scenario)
    (one,) = planned(pair(reference=command, candidate=command, arguments=of_pair, scenarios=(scenario,)))
    assert one.reference == one.candidate == expected
    assert one.prepare_reference is one.prepare_candidate is None


def test_preparation_has_the_arguments_of_the_pair_and_its_own():
    scenario = ScenarioPolicy(name="resume", arguments="--resume", prepare="--until 5")
    (one,) = planned(pair(arguments="--small", candidate="python new.py {arguments} --x", scenarios=(scenario,)))
    assert one.prepare_reference == "python old.py --small --until 5"
    assert one.prepare_candidate == "python new.py --small --until 5 --x"
    assert one.candidate == "python new.py --small --resume --x"


def test_an_empty_preparation_is_one():
    (one,) = planned(pair(scenarios=(ScenarioPolicy(name="s", prepare=""),)))
    assert one.prepare_reference == "python old.py"


def test_conditions_reach_the_recording():
    scenario = ScenarioPolicy(name="s", updates=3, seed=7, world=2, engine="gloo")
    (one,) = planned(
        pair(setup=("make data",), environment={"A": "1"}, scenarios=(scenario,)), level="scalars", full=False
    )
    assert one.recording == Recording(
        level="scalars", updates=3, seed=7, world=2, engine="gloo", environment={"A": "1"}
    )
    assert (one.setup, one.reruns) == (("make data",), True)


@pytest.mark.parametrize(
    ("side", "command", "prepare"),
    [(Side.REFERENCE, "old", "old first"), (Side.RERUN, "old", "old first"), (Side.CANDIDATE, "new", "new first")],
)
def test_the_rerun_is_the_reference_once_more(side, command, prepare):
    scenario = Scenario(
        pair="p",
        name="s",
        reference="old",
        candidate="new",
        prepare_reference="old first",
        prepare_candidate="new first",
    )
    assert (scenario.command(side), scenario.prepare(side)) == (command, prepare)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python x.py", ["python", "x.py"]),
        ("python x.py --out {out}", ["python", "x.py", "--out", "/a b/out"]),
        ("python x.py --out={out}/c --data {shared}", ["python", "x.py", "--out=/a b/out/c", "--data", "/s"]),
        ("echo 'two words'", ["echo", "two words"]),
        ("echo {other}", ["echo", "{other}"]),
    ],
)
def test_placeholders_stay_one_word(command, expected):
    assert fill(command, out=Path("/a b/out"), shared=Path("/s")) == expected


def test_open_quotes_are_a_usage_error():
    with pytest.raises(UsageError, match="quote"):
        fill("python 'x.py", out=Path("/o"), shared=Path("/s"))


def test_scenarios_by_pair():
    scenarios = planned(pair("one", scenarios=BOTH_TIERS), pair("two"), full=True)
    assert [(name, [one.name for one in members]) for name, members in by_pair(scenarios)] == [
        ("one", ["short", "long"]),
        ("two", ["quick"]),
    ]
