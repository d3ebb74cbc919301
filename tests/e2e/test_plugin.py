"""The pytest plugin, run as a user would: in tests of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.programs import ROOT, SCRIPTS, TINY

pytest_plugins = ["pytester"]

BOTH = f"""
import pytest
import torch

COMMAND = "{sys.executable} {TINY} --steps=2"

def train(rate):
    torch.manual_seed(0)
    weight = torch.nn.Linear(3, 1)
    optimizer = torch.optim.SGD(weight.parameters(), lr=rate)
    for _ in range(2):
        weight(torch.ones(2, 3)).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
"""
COMMANDS = f"""
def test_ranks(parity):
    ranks = "{sys.executable} {SCRIPTS / "ddp.py"}"
    parity.check(ranks, ranks, updates=1, world=2, engine="fake")
    manifest, = parity.directory.rglob("candidate/trace/manifest.json")
    assert '"engine": "fake"' in manifest.read_text()

def test_other(parity):
    parity.check(parity.record(COMMAND), COMMAND + " --lr=0.02")

@pytest.mark.parity(updates=2, level="scalars")
def test_outcome(parity_compare, parity_record):
    run = parity_record(COMMAND, updates=1)
    assert run.trace.manifest["level"] == "scalars"
    assert run.trace.processes[0].updates == 1
    outcome = parity_compare(run, COMMAND + " --lr=0.02", updates=1)
    assert outcome.judgement.first_divergence.channel.name == "lr"
"""
BLOCKS = """
@pytest.fixture
def reference(parity_record):
    with parity_record() as run:
        train(0.1)
    return run

def test_same(reference, parity_record, assert_parity):
    with parity_record() as candidate:
        train(0.1)
    assert_parity(reference, candidate)
    assert_parity(reference, candidate.trace)

def test_other(reference, parity_record, assert_parity):
    with parity_record() as candidate:
        train(0.2)
    assert_parity(reference, candidate)

@pytest.mark.parity(updates=2)
class TestMarked:
    @pytest.mark.parity(updates=1, world=4)
    def test_nearest_mark_wins(self, reference):
        assert reference.trace.processes[0].updates == 1
        assert reference.trace.manifest["level"] == "full"

def test_unknown(parity_record):
    with parity_record(update=1):
        pass

@pytest.mark.parity(5)
def test_by_position(parity):
    pass
"""
FIRST = "first divergence: at update 0, phase lr: different, the learning rate (lr), parameter group all groups"
CAUSE = "probable cause: The candidate's learning rate is 2 times the reference's throughout."


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def summary(result: pytest.RunResult) -> list[str]:
    """The lines of the plugin's section."""
    lines = [line for line in result.outlines if "::" in line and "; report " in line]
    titles = [line for line in result.outlines if line.strip("= ") == "parity"]
    assert len(titles) == bool(lines)
    return lines


def test_commands_are_compared_and_the_message_names_divergence_and_cause(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_commands=BOTH + COMMANDS)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:xdist")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *AssertionError: not in parity",
            "E *Different: comparison-1 / runs",
            "E * first divergence *at update 0, phase lr: different, the learning rate (lr)*",
            "E * probable cause *The candidate's learning rate is 2 times the reference's throughout.*",
            "E * report *report.md",
        ]
    )
    shown = summary(result)
    assert [line.split(":")[2:4] for line in shown] == [
        ["test_other", " Different"],
        ["test_outcome", " Different"],
        ["test_ranks", " Identical"],
    ]
    assert Path(shown[0].partition("; report ")[2]).read_text(encoding="utf-8").startswith("#")


@pytest.mark.parametrize("workers", [("-p", "no:xdist"), ("-n", "2")], ids=["alone", "xdist"])
def test_blocks_are_compared_and_the_summary_is_printed_once(
    workers: tuple[str, ...], pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_blocks=BOTH + BLOCKS)
    kept = pytester.path / "kept"
    options = ("-p", "no:cacheprovider", "--strict-markers", "--parity-keep=kept", "--parity-level=full")
    result = pytester.runpytest_subprocess(*options, *workers)
    result.assert_outcomes(passed=2, failed=2, errors=1)
    shown = summary(result)
    assert [line.split(" ")[:2] for line in shown] == [
        ["test_blocks.py::test_other:", "Different:"],
        ["test_blocks.py::test_same:", "Identical:"],
        ["test_blocks.py::test_same:", "Identical:"],
    ]
    assert f"{FIRST}; {CAUSE}" in shown[0]
    assert "2 updates" in shown[1]
    report = Path(shown[0].partition("; report ")[2])
    assert report.is_relative_to(kept)
    assert report.is_file()
    assert len(list(kept.iterdir())) == 3
    result.stdout.fnmatch_lines_random(
        [
            "*update: no option of a recording; expected some of *updates*",
            "*@pytest.mark.parity(5,): takes options by keyword, such as updates=20*",
        ]
    )


DECIDED = """
@pytest.fixture
def sides(parity_record):
    runs = []
    for rate in (0.1, 0.2):
        with parity_record() as run:
            train(rate)
        runs.append(run)
    return runs

def test_accepted(sides, assert_parity):
    assert_parity(*sides, pair="small", scenario="twice")

def test_other_scenario(sides, assert_parity):
    assert_parity(*sides, pair="small", scenario="thrice")

@pytest.mark.parity(pair="tolerant")
def test_tolerated(sides, assert_parity):
    assert_parity(*sides)

def test_nameless(sides, assert_parity):
    assert_parity(*sides)
"""
LEDGER = """
[[waivers]]
pair = "small"
scenario = "twice"
channel = "*"
verdict = "different"
reason = "meant"
owner = "us"
expires = 2999-01-01
"""
TOLERANT = """
[tool.parity]
[[tool.parity.tolerances]]
channel = "*"
pair = "tolerant"
relative = 1e9
reason = "meant too"
"""


def test_the_ledger_and_the_policy_decide_what_a_test_accepts(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_decided=BOTH + DECIDED)
    pytester.mkdir("reports").joinpath("waivers.toml").write_text(LEDGER, encoding="utf-8")
    pytester.path.joinpath("policy.toml").write_text(TOLERANT, encoding="utf-8")
    plain = ("-p", "no:cacheprovider", "-p", "no:xdist")
    result = pytester.runpytest_subprocess(*plain, "--parity-policy=policy.toml")
    result.assert_outcomes(passed=2, failed=2)
    accepted, nameless, other, tolerated = summary(result)
    assert "Waived: small / twice" in accepted
    assert "meant (us, until 2999-01-01)" in accepted
    assert "Equivalent: tolerant / runs" in tolerated
    assert ("Different: comparison-1 / runs" in nameless, "Different: small / thrice" in other) == (True, True)
    result = pytester.runpytest_subprocess(*plain, "--parity-waivers=nowhere.toml")
    result.assert_outcomes(failed=4)


def test_a_project_that_uses_none_of_it_pays_nothing(pytester: pytest.Pytester) -> None:
    """Neither start-up nor tests without these fixtures import anything but the plugin itself."""
    pytester.makepyfile("""
        import sys

        def test_light():
            assert not {"torch", "numpy", "click", "rich", "xxhash"} & set(sys.modules)
            assert {name for name in sys.modules if name.startswith("parity")} == {"parity", "parity.pytest_plugin"}
    """)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:xdist")
    result.assert_outcomes(passed=1)
    assert summary(result) == []


def test_the_marker_is_documented(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.parity(updates, seed, world, level, ...): *"])


def test_importing_the_package_imports_nothing_else() -> None:
    code = (
        "import sys; before = set(sys.modules); import parity; dir(parity); "
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "['parity']\n"
