"""What works on stored traces and results: ``diff``, ``report``, ``gate``, ``help``; and the errors of the policy."""

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.programs import TINY, command, parity

pytestmark = pytest.mark.xdist_group("stored")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with one finished comparison that differs."""
    place = tmp_path_factory.mktemp("stored")
    pair = command(TINY), command(TINY, "--lr=0.02")
    assert parity("compare", *pair, "--sketch=first:6", cwd=place).returncode == 1
    return place


@pytest.fixture
def trace(stored: Path, tmp_path: Path) -> Path:
    """A copy of the reference's trace, to be damaged."""
    place = tmp_path / "trace"
    shutil.copytree(stored / "reports/out/compare/scratch/reference/trace", place)
    return place


def damage(trace: Path, how: str) -> None:
    file = next(trace.glob("*.trace"))
    manifest = trace / "manifest.json"
    if how == "unreadable":
        file.write_bytes(b"this is no trace")
    elif how == "other schema":
        manifest.write_text(
            manifest.read_text(encoding="utf-8").replace('"schema": 1', '"schema": 99'), encoding="utf-8"
        )
    elif how == "broken manifest":
        manifest.write_text("{", encoding="utf-8")
    elif how == "no manifest":
        manifest.unlink()


@pytest.mark.parametrize(
    ("how", "slug"),
    [
        ("unreadable", "trace-unreadable"),
        ("other schema", "trace-schema"),
        ("broken manifest", "trace-unreadable"),
        ("no manifest", "trace-missing"),
    ],
)
def test_a_damaged_trace_is_one_clear_error(trace: Path, how: str, slug: str) -> None:
    damage(trace, how)
    done = parity("diff", str(trace), str(trace), cwd=trace)
    assert done.returncode == 3
    assert f"parity help {slug}" in done.stderr.decode()
    assert done.stdout == b""


def test_a_truncated_trace_is_compared_as_far_as_it_goes(stored: Path, trace: Path) -> None:
    file = next(trace.glob("*.trace"))
    file.write_bytes(file.read_bytes()[:-1000])
    whole = stored / "reports/out/compare/scratch/reference/trace"
    done = parity("diff", str(trace), str(whole), "--json", cwd=trace)
    assert (done.returncode, json.loads(done.stdout)["error"]["slug"]) == (3, "trace-truncated")
    assert "equal up to there" in json.loads(done.stdout)["error"]["message"]
    other = stored / "reports/out/compare/scratch/candidate/trace"
    done = parity("diff", str(trace), str(other), "--json", cwd=trace)
    result = json.loads(done.stdout)
    assert (done.returncode, result["first_divergence"]["channel"]) == (1, "lr")
    assert {one["channel"] for one in result["findings"]}.isdisjoint({"updates", "exit_status"})
    reasons = [entry["reason"] for entry in result["not_compared"] if entry["channel"] == "trace"]
    assert any("damaged" in reason for reason in reasons)
    file.write_bytes(file.read_bytes()[:3000])
    done = parity("diff", str(trace), str(whole), cwd=trace)
    assert (done.returncode, b"not one whole update" in done.stderr) == (3, True)


def test_a_trace_of_a_killed_program_is_compared_as_far_as_it_goes_too(stored: Path, trace: Path) -> None:
    file, manifest = next(trace.glob("*.trace")), trace / "manifest.json"
    file.write_bytes(file.read_bytes()[:-1000])
    manifest.write_text(manifest.read_text(encoding="utf-8").replace('"exit_status": 0', '"exit_status": -9'))
    whole = stored / "reports/out/compare/scratch/reference/trace"
    done = parity("diff", str(whole), str(trace), "--json", cwd=trace)
    result = json.loads(done.stdout)
    assert (done.returncode, result["error"]) == (1, None)
    reasons = [entry["reason"] for entry in result["not_compared"] if entry["channel"] == "trace"]
    assert any("ended from outside" in reason for reason in reasons)


def test_report_writes_the_same_bytes_again(stored: Path) -> None:
    pair = stored / "reports/out/compare"
    files = (pair / "report.md", pair / "scratch/result.json")
    before = [file.read_bytes() for file in files]
    for file in files:
        file.unlink()
    assert parity("report", str(pair), cwd=stored).returncode == 1
    assert [file.read_bytes() for file in files] == before


def test_gate_repeats_the_verdict_of_what_is_stored(stored: Path, tmp_path: Path) -> None:
    done = parity("gate", cwd=stored)
    assert (done.returncode, done.stdout.decode().splitlines()[0]) == (1, "different  compare/scratch")
    assert json.loads(parity("gate", "--json", cwd=stored).stdout)["exit_code"] == 1
    assert parity("gate", cwd=tmp_path).returncode == 3


def test_help_explains_every_slug() -> None:
    listed = parity("help", cwd=Path.cwd()).stdout.decode()
    for slug in ("policy", "trace-schema", "reference-failed", "nothing-recorded"):
        assert f"{slug} (exit code" in listed
        assert parity("help", slug, cwd=Path.cwd()).returncode == 0
    assert parity("help", "no-such-slug", cwd=Path.cwd()).returncode == 2


TOLERANT = """
[tool.parity]
[[tool.parity.tolerances]]
channel = "{channel}"
relative = {relative}
reason = "a rate twice as high was asked for"
"""


@pytest.mark.parametrize(
    ("channel", "relative", "status", "verdict"),
    [("*", 1e9, 0, "equivalent"), ("*", 1e-9, 1, "different"), ("lr", 1.0, 1, "different")],
)
def test_what_is_stored_is_judged_again_under_another_policy(
    channel: str, relative: float, status: int, verdict: str, stored: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "pyproject.toml"
    policy.write_text(TOLERANT.format(channel=channel, relative=relative), encoding="utf-8")
    place = tmp_path / "pair"
    shutil.copytree(stored / "reports/out/compare", place)
    done = parity("report", str(place), "--policy", str(policy), "--json", cwd=tmp_path)
    result = json.loads(done.stdout)
    assert (done.returncode, result["verdict"]) == (status, verdict)
    accepted = {one["channel"] for one in result["findings"] if one["tolerance"]}
    assert ("lr" in accepted) == (relative >= 1)
    assert ("By tolerance:" in (place / "report.md").read_text(encoding="utf-8")) == bool(accepted)
    sides = [str(place / "scratch" / side / "trace") for side in ("reference", "candidate")]
    assert parity("diff", *sides, "--policy", str(policy), cwd=tmp_path).returncode == status
    assert parity("diff", *sides, cwd=tmp_path).returncode == 1


def test_a_tolerance_for_a_channel_that_does_not_exist_is_refused(stored: Path, tmp_path: Path) -> None:
    policy = tmp_path / "pyproject.toml"
    policy.write_text(TOLERANT.format(channel="learning_rate", relative=1), encoding="utf-8")
    done = parity("report", str(stored / "reports/out/compare"), "--policy", str(policy), cwd=tmp_path)
    assert done.returncode == 2
    assert "learning_rate" in done.stderr.decode()


POLICY = """
[tool.parity]
levle = "digest"

[[tool.parity.pairs]]
name = "tiny"
reference = "python a.py"
candidate = "python b.py"
argumnets = ""

[[tool.parity.pairs.scenarios]]
name = "scratch"
word = 2
"""


def test_all_unknown_policy_keys_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(POLICY, encoding="utf-8")
    done = parity("run", cwd=tmp_path)
    assert done.returncode == 2
    for key in ("levle", "pairs[0].argumnets", "pairs[0].scenarios[0].word"):
        assert f"{key}: unknown key" in done.stderr.decode()


def test_run_without_a_policy_says_what_to_do(tmp_path: Path) -> None:
    done = parity("run", cwd=tmp_path)
    assert done.returncode == 2
    assert "parity compare" in done.stderr.decode()
