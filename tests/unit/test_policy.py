import json
from pathlib import Path

import pytest

from parity import policy as policy_module
from parity.errors import USAGE, PolicyError
from parity.policy import find_policy, read_ledger, read_policy
from parity.policy.document import ledger_schema, policy_schema

PAIR = """
[[tool.parity.pairs]]
name = "one"
reference = "python old.py"
candidate = "python new.py"
"""
SCENARIO = """
[[tool.parity.pairs.scenarios]]
name = "quick"
"""

TOLERANCE = """
[[tool.parity.tolerances]]
channel = "loss"
"""


def written(directory, text):
    path = directory / "pyproject.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_minimal_policy_has_defaults(tmp_path):
    policy = read_policy(written(tmp_path, PAIR + SCENARIO))
    (pair,) = policy.pairs
    (scenario,) = pair.scenarios
    assert (policy.level, pair.arguments, pair.setup, pair.environment) == ("digest", "", (), {})
    assert (scenario.tier, scenario.world, scenario.updates, scenario.seed) == ("quick", 1, None, None)
    assert scenario.prepare is None


def test_a_full_policy_is_read(tmp_path):
    text = (
        "[tool.parity]\nlevel = 'scalars'\n"
        + PAIR
        + "arguments = '--small'\nsetup = ['make data']\n[tool.parity.pairs.environment]\nA = '1'\n"
        + SCENARIO
        + "tier = 'full'\narguments = '--x'\nprepare = '--y'\nworld = 2\nupdates = 3\nseed = 0\n"
    )
    policy = read_policy(written(tmp_path, text))
    (pair,) = policy.pairs
    (scenario,) = pair.scenarios
    assert (policy.level, pair.arguments, pair.setup, pair.environment) == (
        "scalars",
        "--small",
        ("make data",),
        {"A": "1"},
    )
    assert (scenario.tier, scenario.arguments, scenario.prepare) == ("full", "--x", "--y")
    assert (scenario.world, scenario.updates, scenario.seed) == (2, 3, 0)


def test_a_policy_cannot_be_changed(tmp_path):
    policy = read_policy(written(tmp_path, PAIR + SCENARIO))
    with pytest.raises(ValueError, match="frozen"):
        policy.level = "scalars"


def test_every_problem_is_listed_at_once_with_its_path(tmp_path):
    text = (
        "[tool.parity]\nlevle = 'digest'\nlevel = 'everything'\n"
        + PAIR
        + "refrence = 'x'\n"
        + SCENARIO
        + "worlds = 2\nworld = 0\n"
    )
    with pytest.raises(PolicyError) as caught:
        read_policy(written(tmp_path, text))
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{tmp_path / 'pyproject.toml'} [tool.parity] has 5 problems:"
    assert sorted(line.strip().partition(": ")[0] for line in lines[1:]) == [
        "level",
        "levle",
        "pairs[0].refrence",
        "pairs[0].scenarios[0].world",
        "pairs[0].scenarios[0].worlds",
    ]
    assert "  levle: unknown key (value 'digest'); did you mean level?" in lines
    assert "  pairs[0].refrence: unknown key (value 'x'); did you mean reference?" in lines
    assert "  pairs[0].scenarios[0].worlds: unknown key (value 2); did you mean world?" in lines
    assert caught.value.exit_code == USAGE


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[tool.parity]\nlevel = 'full'", "level"),
        ("[tool.parity]\npairs = 'x'", "pairs"),
        ("[[tool.parity.pairs]]\nname = 'a'", "pairs[0].reference"),
        ("[[tool.parity.pairs]]\nname = 'a'", "pairs[0].candidate"),
        ("[[tool.parity.pairs]]\nname = 'a'", "pairs[0].scenarios"),
        (PAIR + "scenarios = []", "pairs[0].scenarios"),
        (PAIR.replace("python old.py", "") + SCENARIO, "pairs[0].reference"),
        (PAIR.replace("python new.py", "") + SCENARIO, "pairs[0].candidate"),
        (PAIR.replace('"one"', '"One"') + SCENARIO, "pairs[0].name"),
        (PAIR.replace('"one"', '"a/b"') + SCENARIO, "pairs[0].name"),
        (PAIR.replace('"one"', '"-a"') + SCENARIO, "pairs[0].name"),
        (PAIR.replace('"one"', '""') + SCENARIO, "pairs[0].name"),
        (PAIR.replace('"one"', '"one\\n"') + SCENARIO, "pairs[0].name"),
        (PAIR + "setup = 'make'" + SCENARIO, "pairs[0].setup"),
        (PAIR + "environment = {A = 1}" + SCENARIO, "pairs[0].environment.A"),
        (PAIR + SCENARIO.replace("quick", "../up"), "pairs[0].scenarios[0].name"),
        (PAIR + SCENARIO + "tier = 'slow'", "pairs[0].scenarios[0].tier"),
        (PAIR + SCENARIO + "world = 0", "pairs[0].scenarios[0].world"),
        (PAIR + SCENARIO + "world = 4097", "pairs[0].scenarios[0].world"),
        (PAIR + SCENARIO + "engine = 'mpi'", "pairs[0].scenarios[0].engine"),
        (PAIR + SCENARIO + "updates = 0", "pairs[0].scenarios[0].updates"),
        (PAIR + SCENARIO + "updates = 1.5", "pairs[0].scenarios[0].updates"),
        (PAIR + SCENARIO + "seed = 'x'", "pairs[0].scenarios[0].seed"),
        (PAIR + SCENARIO + "arguments = ['--x']", "pairs[0].scenarios[0].arguments"),
        (PAIR + SCENARIO + SCENARIO, "pairs[0]"),
        (TOLERANCE, "tolerances[0].reason"),
        (TOLERANCE + "reason = ''\nulp = 1", "tolerances[0].reason"),
        (TOLERANCE + "reason = 'why'", "tolerances[0]"),
        (TOLERANCE + "reason = 'why'\nrelative = -1.0", "tolerances[0].relative"),
        (TOLERANCE + "reason = 'why'\nabsolute = inf", "tolerances[0].absolute"),
        (TOLERANCE + "reason = 'why'\nulp = 1\nupdates = [1]", "tolerances[0].updates[1]"),
    ],
)
def test_each_check_names_the_key(tmp_path, text, where):
    with pytest.raises(PolicyError) as caught:
        read_policy(written(tmp_path, text))
    assert f"\n  {where}: " in str(caught.value)


def test_scenario_names_must_differ_within_a_pair(tmp_path):
    with pytest.raises(PolicyError, match="scenario names must differ, not quick, quick"):
        read_policy(written(tmp_path, PAIR + SCENARIO + SCENARIO))


def test_pair_names_must_differ(tmp_path):
    """Both would be written to the same directories, and the second would be set up never."""
    with pytest.raises(PolicyError, match="one"):
        read_policy(written(tmp_path, PAIR + SCENARIO + PAIR + SCENARIO))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no [tool.parity] table"),
        ("[tool.other]\na = 1", "no [tool.parity] table"),
        ("[tool", "cannot be read as TOML"),
        ("[tool]\nparity = 3", "problem"),
        ("tool = 3", "tool"),
    ],
)
def test_files_that_hold_no_policy(tmp_path, text, message):
    with pytest.raises(PolicyError) as caught:
        read_policy(written(tmp_path, text))
    assert message in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(PolicyError, match=r"none\.toml does not exist"):
        read_policy(tmp_path / "none.toml")


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "pyproject.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(PolicyError, match="cannot be read"):
        read_policy(tmp_path / "pyproject.toml")


def test_the_nearest_file_with_a_policy_is_found(tmp_path):
    top = written(tmp_path, PAIR + SCENARIO)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    written(tmp_path / "a", "[tool.other]\nx = 1")
    assert find_policy(below) == top
    nearer = written(below, "[tool.parity]\n")
    assert find_policy(below) == nearer
    assert find_policy(tmp_path / "a") == top


def test_no_policy_is_none():
    assert find_policy(Path("/")) is None


KINDS = {
    "resume": "prepare = '--y'\nstraight = '--z'\n",
    "cross-load": "prepare = '--y'\n",
    "interrupt": "interrupt = { signal = 'SIGTERM', update = 3 }\n",
    "train": "",
}


@pytest.mark.parametrize(("kind", "keys"), KINDS.items())
def test_every_kind_is_read_with_what_it_needs(tmp_path, kind, keys):
    (pair,) = read_policy(written(tmp_path, PAIR + SCENARIO + f"kind = '{kind}'\n" + keys)).pairs
    assert pair.scenarios[0].kind == kind


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("kind = 'resume'\n", "kind resume needs prepare and needs straight"),
        ("kind = 'cross-load'\n", "kind cross-load needs prepare"),
        ("kind = 'interrupt'\n", "kind interrupt needs interrupt"),
        ("straight = '--z'\n", "kind train takes no straight"),
        ("damage = 'garble'\n", "kind train takes no damage"),
        (
            "kind = 'interrupt'\nprepare = '--y'\ninterrupt = { signal = 'SIGTERM', update = 3 }\n",
            "kind interrupt takes no prepare",
        ),
        ("kind = 'stop'\n", "kind"),
        ("kind = 'interrupt'\ninterrupt = { signal = 'SIGSTOP', update = -1 }\n", "interrupt.signal"),
    ],
)
def test_what_does_not_fit_a_kind_is_an_error(tmp_path, keys, problem):
    with pytest.raises(PolicyError, match=problem):
        read_policy(written(tmp_path, PAIR + SCENARIO + keys))


@pytest.mark.parametrize(
    "wrong", ["tier = 'slow'\n", "tiers = 1\n", "environment = {A = 1}\n", "interrupt = {update = -1}\n"]
)
def test_keys_that_do_not_fit_together_are_told_beside_those_that_are_wrong_by_themselves(tmp_path, wrong):
    twice = PAIR + SCENARIO + "kind = 'resume'\n" + wrong + PAIR + SCENARIO + SCENARIO
    with pytest.raises(PolicyError) as failure:
        read_policy(written(tmp_path, "[tool.parity]\nlevle = 1\n" + twice))
    told = str(failure.value)
    assert "\n  pairs[0].scenarios[0]: a scenario of kind resume needs prepare and needs straight" in told
    assert "\n  pairs[1]: scenario names must differ, not quick, quick" in told
    assert f"\n  pairs[0].scenarios[0].{wrong.split()[0]}" in told


def test_problems_of_several_scenarios_are_listed_at_once(tmp_path):
    text = PAIR + SCENARIO + "kind = 'resume'\n" + SCENARIO.replace("quick", "other") + "damage = 'garble'\n"
    with pytest.raises(PolicyError) as failure:
        read_policy(written(tmp_path, text))
    assert "2 problems" in str(failure.value)


GATE = """
[[tool.parity.gate.rules]]
verdict = "violated"
gates = false
"""
IGNORED = """
[[tool.parity.ignored]]
channel = "log_value"
"""


def test_gate_and_ignored_are_read(tmp_path):
    text = "[tool.parity.gate]\nexpires_soon = 3\n" + GATE + "reason = 'a'\n" + IGNORED + "reason = 'b'\n"
    policy = read_policy(written(tmp_path, text))
    (rule,), (ignored,) = policy.gate.rules, policy.ignored
    assert (policy.gate.expires_soon, rule.verdict, rule.gates, rule.channel, rule.reason) == (
        3,
        "violated",
        False,
        "*",
        "a",
    )
    assert (ignored.channel, ignored.name, ignored.pair, ignored.reason) == ("log_value", "*", "*", "b")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (GATE, "gate.rules[0].reason"),
        (GATE.replace("violated", "worse") + "reason = 'x'", "gate.rules[0].verdict"),
        ("[tool.parity.gate]\nexpires_soon = -1", "gate.expires_soon"),
        (IGNORED, "ignored[0].reason"),
        (IGNORED.replace('"log_value"', '""') + "reason = 'x'", "ignored[0].channel"),
        (PAIR + SCENARIO + "environment = { A = 1 }", "pairs[0].scenarios[0].environment.A"),
        (PAIR + SCENARIO + "kind = 'cross-load'\nprepare = ''\nfollow = true", "pairs[0].scenarios[0]"),
        (PAIR + "baseline = true" + SCENARIO + "follow = true", "pairs[0]"),
        (PAIR + "baseline = true" + SCENARIO + "prepare = '--y'", "pairs[0]"),
    ],
)
def test_each_check_of_the_gate_names_the_key(tmp_path, text, where):
    with pytest.raises(PolicyError) as caught:
        read_policy(written(tmp_path, text))
    assert f"\n  {where}: " in str(caught.value)


WAIVER = """
[[waivers]]
pair = "p"
channel = "lr"
verdict = "different"
reason = "x"
owner = "y"
expires = 2030-01-31
"""


def ledger(directory, text):
    path = directory / "waivers.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_ledger_is_read_and_none_is_empty(tmp_path):
    (waiver,) = read_ledger(ledger(tmp_path, WAIVER)).waivers
    assert (waiver.scenario, waiver.name, waiver.fingerprint, waiver.size) == ("*", "*", None, None)
    assert read_ledger(tmp_path / "none.toml").waivers == ()


def test_every_problem_of_a_ledger_is_listed_at_once(tmp_path):
    text = WAIVER.replace('reason = "x"\n', "").replace("2030-01-31", '"soon"') + "size = -1.0\nwhy = 1\n"
    with pytest.raises(PolicyError) as caught:
        read_ledger(ledger(tmp_path, text))
    for key in ("reason", "expires", "size", "why"):
        assert f"\n  waivers[0].{key}: " in str(caught.value)


@pytest.mark.parametrize("schema", [policy_schema, ledger_schema])
def test_the_schemas_for_editors_know_every_key_and_its_meaning(schema):
    content = json.loads(schema())
    whole = [(content["title"], content)] if "title" in content else []
    for name, part in (*content["$defs"].items(), *whole):
        assert set(part["properties"]) == set(getattr(policy_module, name).model_fields)
        assert all(one["description"] for one in part["properties"].values())
        assert part["additionalProperties"] is False


def test_the_schema_of_the_policy_is_for_the_whole_file_and_leaves_other_tools_alone():
    content = json.loads(policy_schema())
    assert content["properties"]["tool"]["properties"] == {"parity": {"$ref": "#/$defs/Policy"}}
    assert set(content["$defs"]["Policy"]["properties"]) == set(policy_module.Policy.model_fields)
    assert all("additionalProperties" not in part for part in (content, content["properties"]["tool"]))


def test_an_interruption_may_be_one_number_or_several_for_editors_too():
    update = json.loads(policy_schema())["$defs"]["InterruptPolicy"]["properties"]["update"]
    assert {one["type"] for one in update["anyOf"]} == {"integer", "array"}
