"""Accepting findings, and what the gate makes of them, from the command line."""

import json
import shutil
import subprocess
import tomllib
from contextlib import chdir
from datetime import date, timedelta
from pathlib import Path

import pytest

from parity.verbs.completing import fingerprints
from tests.e2e import programs
from tests.e2e.programs import TINY, command

pytestmark = pytest.mark.xdist_group("ledger")

TOMORROW = (date.today() + timedelta(days=1)).isoformat()
FAR = (date.today() + timedelta(days=400)).isoformat()
WHO = ("--reason", "a rate twice as high is meant", "--owner", "the optimizer's friends")


def parity(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The command line, outside CI unless told otherwise."""
    return programs.parity(*arguments, cwd=cwd, **{"CI": "", **environment})


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A candidate with twice the learning rate, followed: one change and nothing else."""
    place = tmp_path_factory.mktemp("ledger")
    doubled = command(TINY, "--lr=0.02")
    done = parity("compare", command(TINY), doubled, "--follow", "--noise-runs=0", "--no-zoom", cwd=place)
    assert done.returncode == 1, done.stderr
    return place


@pytest.fixture
def place(compared: Path, tmp_path: Path) -> Path:
    """A copy of its results, to be decided about."""
    shutil.copytree(compared, tmp_path / "project")
    return tmp_path / "project"


def fingerprint(place: Path) -> str:
    result = json.loads((place / "reports/out/compare/scratch/result.json").read_text(encoding="utf-8"))
    (counting,) = [one for one in result["gate"]["charges"] if one["gates"]]
    return counting["fingerprint"]


def accept(place: Path, *words: str, expires: str = FAR, **environment: str):
    return parity("accept", *words, *WHO, "--expires", expires, cwd=place, **environment)


def test_what_is_accepted_passes_gate_and_report_and_is_told(place: Path) -> None:
    assert parity("gate", cwd=place).returncode == 1
    mark = fingerprint(place)
    assert mark in parity("gate", cwd=place).stdout.decode()
    assert accept(place, mark[:6]).returncode == 0
    gate = parity("gate", cwd=place)
    assert (gate.returncode, gate.stdout.decode().splitlines()[0]) == (0, "waived  compare/scratch")
    done = parity("report", "reports/out/compare", "--json", cwd=place)
    result = json.loads(done.stdout)
    assert (done.returncode, result["verdict"], result["exit_code"]) == (0, "waived", 0)
    report = (place / "reports/out/compare/report.md").read_text(encoding="utf-8")
    for words in ("Parity: waived.", "Exactly one change affects the training", WHO[1], WHO[3], FAR, mark):
        assert words in report


def test_the_report_of_what_counts_says_how_to_accept_it(place: Path) -> None:
    report = (place / "reports/out/compare/report.md").read_text(encoding="utf-8")
    assert "parity accept FINGERPRINT" in report
    mark = fingerprint(place)
    assert mark in report
    with chdir(place):
        assert [one.value for one in fingerprints(None, None, mark[:3])] == [mark]
        assert fingerprints(None, None, "nonsense") == []


def test_an_entry_is_written_once_and_comments_survive(place: Path) -> None:
    mark = fingerprint(place)
    accept(place, mark)
    ledger = place / "reports/waivers.toml"
    ledger.write_text(f"# why we do this\n{ledger.read_text(encoding='utf-8')}# the end\n", encoding="utf-8")
    assert accept(place, mark, expires=TOMORROW).returncode == 0
    text = ledger.read_text(encoding="utf-8")
    assert text.startswith("# why we do this\n")
    assert text.endswith("# the end\n")
    (entry,) = tomllib.loads(text)["waivers"]
    assert (entry["fingerprint"], entry["expires"].isoformat()) == (mark, TOMORROW)
    soon = parity("report", "reports/out/compare", cwd=place)
    assert f"a waiver ends on {TOMORROW}" in soon.stderr.decode()


@pytest.mark.parametrize(
    ("words", "expires", "environment", "told"),
    [
        (["ffff0000"], FAR, {}, "no stored finding has a fingerprint that begins with 'ffff0000'"),
        ([], FAR, {"CI": "true"}, "refused in CI (CI=true)"),
        ([], "2020-01-01", {}, "before today"),
        ([], "soon", {}, "does not match the format"),
        (["--pair", "another"], FAR, {}, "no stored finding"),
        (["--scenario", "another"], FAR, {}, "no stored finding"),
    ],
)
def test_what_cannot_be_accepted(
    words: list[str], expires: str, environment: dict[str, str], told: str, place: Path
) -> None:
    named = words if words and not words[0].startswith("-") else [fingerprint(place), *words]
    done = accept(place, *named, expires=expires, **environment)
    assert done.returncode == 2
    assert told in done.stderr.decode()
    assert not (place / "reports/waivers.toml").exists()


@pytest.mark.parametrize("missing", ["--reason", "--owner", "--expires"])
def test_reason_owner_and_end_are_required(missing: str, place: Path) -> None:
    given = {"--reason": "x", "--owner": "y", "--expires": FAR}
    words = [word for key, value in given.items() if key != missing for word in (key, value)]
    done = parity("accept", fingerprint(place), *words, cwd=place)
    assert (done.returncode, missing in done.stderr.decode()) == (2, True)


def test_what_does_not_count_need_not_be_accepted(tmp_path: Path) -> None:
    one = {"fingerprint": "a" * 12, "channel": "config", "verdict": "extra", "names": ["x"], "update": 0}
    rest = {"reference": "", "candidate": "", "differing": 1, "size": None, "counts": False, "gates": False}
    result = {"pair": "p", "scenario": "s", "verdict": "identical", "exit_code": 0, "not_compared": []}
    path = tmp_path / "result.json"
    path.write_text(json.dumps({**result, "gate": {"unproven": False, "charges": [{**one, **rest}]}}), encoding="utf-8")
    done = accept(tmp_path, "aaaa", "--results", str(path))
    assert (done.returncode, "nothing to accept" in done.stderr.decode()) == (2, True)


def edited(place: Path, **changed: object) -> None:
    ledger = place / "reports/waivers.toml"
    text = ledger.read_text(encoding="utf-8")
    for key, value in changed.items():
        line = next(line for line in text.splitlines() if line.startswith(f"{key} = "))
        text = text.replace(line, f"{key} = {value}")
    ledger.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"size": 60.0}, "stale"),
        ({"candidate": '"0.03"'}, "stale"),
        ({"update": 1}, "stale"),
        ({"channel": '"loss"', "name": '"*"', "fingerprint": '"aaaaaaaaaaaa"'}, "unused"),
        ({"expires": "2020-01-01"}, "expired"),
    ],
)
def test_a_waiver_for_another_defect_passes_nothing_and_fails_itself(
    changed: dict[str, object], said: str, place: Path
) -> None:
    accept(place, fingerprint(place))
    edited(place, **changed)
    gate = parity("gate", "--json", cwd=place)
    charges = json.loads(gate.stdout)["results"][0]["charges"]
    assert gate.returncode == 1
    assert {one["verdict"] for one in charges if one["gates"]} == {"different", said}
    report = parity("report", "reports/out/compare", cwd=place)
    assert report.returncode == 1
    assert said in report.stdout.decode()


def test_a_broken_ledger_lists_every_problem(place: Path) -> None:
    (place / "reports/waivers.toml").write_text(
        '[[waivers]]\npair = "compare"\nexpire = 3\nverdict = "different"\nchannel = "lr"\nreason = ""\nowner = "me"\n'
    )
    done = parity("gate", cwd=place)
    assert done.returncode == 2
    for key in ("waivers[0].expire: unknown key", "waivers[0].reason", "waivers[0].expires"):
        assert key in done.stderr.decode()


RULES = """
[tool.parity]
[[tool.parity.gate.rules]]
verdict = "{verdict}"
channel = "{channel}"
gates = {gates}
reason = "that is how we want it"
"""


@pytest.mark.parametrize(
    ("verdict", "channel", "gates", "code"),
    [
        ("different", "lr", "false", 0),
        ("different", "loss", "false", 1),
        ("missing", "lr", "false", 1),
    ],
)
def test_rules_of_the_gate_apply_to_stored_results(
    verdict: str, channel: str, gates: str, code: int, place: Path
) -> None:
    policy = place / "pyproject.toml"
    policy.write_text(RULES.format(verdict=verdict, channel=channel, gates=gates), encoding="utf-8")
    done = parity("gate", cwd=place)
    assert done.returncode == code
    assert ("that is how we want it" in done.stdout.decode()) == (code == 0)
    assert parity("report", "reports/out/compare", "--policy", str(policy), cwd=place).returncode == code


@pytest.mark.parametrize(("channel", "code"), [("loss_scale", 1), ("loss", 0)])
def test_what_has_to_be_compared_fails_the_gate_where_it_is_not(channel: str, code: int, place: Path) -> None:
    rule = RULES.format(verdict="not-compared", channel=channel, gates="true")
    (place / "pyproject.toml").write_text(rule, encoding="utf-8")
    accept(place, fingerprint(place))
    done = parity("gate", cwd=place)
    assert done.returncode == code
    assert ("not-compared" in done.stdout.decode()) == bool(code)


def test_a_waiver_for_a_pair_that_is_gone_fails_the_gate(place: Path) -> None:
    accept(place, fingerprint(place))
    edited(place, pair='"gone"')
    pair = '[[tool.parity.pairs]]\nname = "one"\nreference = "a"\ncandidate = "b"\nscenarios = [{ name = "s" }]\n'
    (place / "pyproject.toml").write_text(pair, encoding="utf-8")
    done = parity("gate", cwd=place)
    assert done.returncode == 1
    assert "the policy has no such pair" in done.stderr.decode()


def test_doctor_says_where_every_setting_comes_from(place: Path) -> None:
    (place / "pyproject.toml").write_text("[tool.parity]\nlevel = 'scalars'\n", encoding="utf-8")
    done = parity("doctor", "--json", "--noise-runs=1", cwd=place)
    document = json.loads(done.stdout)
    sources = {one["key"]: (one["value"], one["source"]) for one in document["settings"]}
    assert sources["level"] == ("scalars", "file")
    assert sources["gate.expires_soon"] == (14, "default")
    assert sources["--noise-runs"] == (1, "command line")
    assert sources["--waivers"] == ("reports/waivers.toml", "default")
    assert sources["--config"][1] == "nearest pyproject.toml"
    assert document["environment"]["torch"]
    assert {one["name"]: one["works"] for one in document["available"]}["training programs"] is True
    shown = parity("doctor", cwd=place, PARITY_CACHE="off").stdout.decode()
    assert "no   reuse of runs     PARITY_CACHE=off" in shown
    assert "level = 'scalars'  (pyproject.toml)" in shown
    assert "expires_soon" not in shown


BY_HAND = """
[[waivers]]
pair = "compare"
channel = "{channel}"
verdict = "different"
reason = "a rate twice as high is meant"
owner = "us"
expires = {expires}
"""
SIDES = tuple(f"reports/out/compare/scratch/{side}/trace" for side in ("reference", "candidate"))


@pytest.mark.parametrize(
    ("channel", "expires", "words", "status", "said"),
    [
        ("*", FAR, (), 0, "a rate twice as high is meant (us, until "),
        ("*", FAR, ("--pair", "another"), 1, "Different: another / scratch"),
        ("lr", FAR, (), 1, "further findings"),
        ("*", "2020-01-01", (), 1, "it held until 2020-01-01"),
        ("*", FAR, ("--waivers", "nowhere.toml"), 1, "Different: compare / scratch"),
    ],
    ids=["accepted", "another-pair", "one-channel", "expired", "no-ledger"],
)
def test_traces_are_judged_by_the_ledger_too(
    channel: str, expires: str, words: tuple[str, ...], status: int, said: str, place: Path
) -> None:
    ledger = place / "reports" / "waivers.toml"
    ledger.write_text(BY_HAND.format(channel=channel, expires=expires), encoding="utf-8")
    done = parity("diff", *SIDES, *words, cwd=place)
    assert (done.returncode, said in done.stdout.decode()) == (status, True), done.stdout.decode()


@pytest.mark.parametrize(
    ("pair", "updates", "accepted"),
    [("compare", "[0, 99]", True), ("another", "[0, 99]", False), ("compare", "[3, 99]", False)],
)
def test_traces_are_judged_by_tolerances_for_their_pair_and_updates(
    pair: str, updates: str, accepted: bool, place: Path
) -> None:
    rule = f'channel = "lr"\npair = "{pair}"\nupdates = {updates}\nrelative = 1e9\nreason = "meant"\n'
    (place / "policy.toml").write_text(f"[tool.parity]\n[[tool.parity.tolerances]]\n{rule}", encoding="utf-8")
    result = json.loads(parity("diff", *SIDES, "--policy", "policy.toml", "--json", cwd=place).stdout)
    (rate,) = [one for one in result["findings"] if one["channel"] == "lr"]
    assert (rate["verdict"], bool(rate["tolerance"])) == (("equivalent", True) if accepted else ("different", False))
