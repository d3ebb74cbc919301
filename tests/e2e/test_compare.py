"""``parity compare`` on any two commands, without a configuration file."""

import json
from pathlib import Path

import pytest

from tests.e2e.programs import SCRIPTS, TINY, command, parity

TOP_LEVEL = {
    "schema",
    "verdict",
    "first_divergence",
    "causes",
    "findings",
    "invariants",
    "not_compared",
    "noise",
    "zoom",
    "gate",
    "environment",
    "pair",
    "scenario",
    "exit_code",
    "error",
}


def compare(reference: str, candidate: str, *options: str, cwd: Path) -> tuple[int, dict, str]:
    done = parity("compare", reference, candidate, "--json", *options, cwd=cwd)
    return done.returncode, json.loads(done.stdout), done.stderr.decode()


def test_equal_commands_are_in_parity_and_leave_a_report(tmp_path: Path) -> None:
    status, result, progress = compare(command(TINY), command(TINY), cwd=tmp_path)
    assert (status, result["verdict"], result["first_divergence"]) == (0, "identical", None)
    assert set(result) == TOP_LEVEL
    assert "scratch: reference" in progress
    report = (tmp_path / "reports/out/compare/report.md").read_text(encoding="utf-8")
    assert "Parity: identical" in report
    assert "![" not in report
    assert "<title>Identical:" in (tmp_path / "reports/out/compare/report.html").read_text(encoding="utf-8")


def test_another_learning_rate_is_located(tmp_path: Path) -> None:
    status, result, _ = compare(command(TINY), command(TINY, "--lr=0.02"), cwd=tmp_path)
    assert status == 1
    first = result["first_divergence"]
    assert (first["update"], first["phase"], first["channel"]) == (0, "lr", "lr")
    assert (first["reference"], first["candidate"]) == (0.01, 0.02)
    base = tmp_path / "reports/out/compare"
    report = (base / "report.md").read_text(encoding="utf-8")
    charts = [path.relative_to(base).as_posix() for path in base.glob("report-charts/*.svg")]
    assert charts
    assert all(f"]({chart})" in report for chart in charts)


def test_updates_ends_both_sides_cleanly(tmp_path: Path) -> None:
    long = command(TINY, "--steps=1000000")
    status, result, _ = compare(long, long, "--updates=4", cwd=tmp_path)
    assert (status, result["verdict"]) == (0, "identical")
    output = (tmp_path / "reports/out/compare/scratch/candidate/trace/stdout.txt").read_text(encoding="utf-8")
    assert output.count("step ") == 4
    assert "stopped after 4 updates" in (tmp_path / "reports/out/compare/report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("source", ["python", "numpy", "numpy-generator"])
def test_seed_makes_unseeded_programs_comparable(source: str, tmp_path: Path) -> None:
    unseeded = command(TINY, f"--random-data={source}", "--steps=2")
    status, result, _ = compare(unseeded, unseeded, "--seed=7", cwd=tmp_path)
    assert (status, result["verdict"]) == (0, "identical")


def test_a_reference_that_does_not_reproduce_itself_is_found_out(tmp_path: Path) -> None:
    unseeded = command(TINY, "--random-data=python", "--steps=2")
    status, result, _ = compare(unseeded, unseeded, cwd=tmp_path)
    assert (status, result["verdict"]) == (3, "not-compared")
    reasons = {entry["channel"]: entry["reason"] for entry in result["not_compared"]}
    assert "does not reproduce" in reasons["batch"]


@pytest.mark.parametrize(
    ("reference", "candidate", "status", "slug"),
    [
        ("no-such-program x.py", command(TINY), 2, "command-not-found"),
        (command(SCRIPTS / "missing.py"), command(TINY), 2, "command-not-found"),
        (command(TINY), "python 'unbalanced", 2, "usage"),
        (command(TINY), "", 2, "usage"),
        (command(TINY, "--raise-at=3"), command(TINY), 4, "reference-failed"),
        (command(TINY, "--exit-at=3"), command(TINY), 4, "reference-failed"),
        (command(TINY, "--kill-at=3"), command(TINY), 4, "reference-failed"),
        (command(SCRIPTS / "no_torch.py"), command(TINY), 3, "nothing-recorded"),
        (command(TINY), command(SCRIPTS / "no_torch.py"), 3, "nothing-recorded"),
        (command(SCRIPTS / "no_training.py"), command(TINY), 3, "nothing-recorded"),
    ],
)
def test_what_cannot_be_compared_is_one_clear_error(
    reference: str, candidate: str, status: int, slug: str, tmp_path: Path
) -> None:
    done = parity("compare", reference, candidate, cwd=tmp_path)
    assert done.returncode == status
    assert f"parity help {slug}" in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode().replace("  | Traceback", "")


def test_a_candidate_that_trains_nothing_is_a_finding_with_a_cause(tmp_path: Path) -> None:
    status, result, _ = compare(command(TINY), command(SCRIPTS / "no_training.py"), cwd=tmp_path)
    assert (status, result["verdict"]) == (1, "different")
    assert [cause["id"] for cause in result["causes"]] == ["no-model-trained"]


@pytest.mark.parametrize("candidate", ["no-such-program", command(SCRIPTS / "missing.py"), "python 'unbalanced"])
def test_a_candidate_that_cannot_be_started_is_refused_before_the_reference_runs(
    candidate: str, tmp_path: Path
) -> None:
    done = parity("compare", command(TINY), candidate, cwd=tmp_path)
    assert (done.returncode, b"reference" in done.stderr) == (2, False)
    assert not (tmp_path / "reports/out/compare/scratch/reference").exists()


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "/tmp", "-x"])
def test_a_name_is_that_of_a_directory_among_the_results(name: str, tmp_path: Path) -> None:
    done = parity("compare", command(TINY), command(TINY), f"--name={name}", cwd=tmp_path)
    assert (done.returncode, b"no name of a directory" in done.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_results_that_cannot_be_written_are_refused_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    done = parity("compare", command(TINY), command(TINY), "--output=taken/below", cwd=tmp_path)
    assert (done.returncode, b"parity help trace-unwritable" in done.stderr) == (2, True)
    assert b"taken/below/compare/shared cannot be made" in done.stderr


def test_what_a_failing_reference_did_is_kept(tmp_path: Path) -> None:
    done = parity("compare", command(TINY, "--raise-at=3"), command(TINY), cwd=tmp_path)
    assert "no more data at step 3" in done.stderr.decode()
    trace = tmp_path / "reports/out/compare/scratch/reference/trace"
    again = parity("diff", str(trace), str(trace), "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["verdict"] == "identical"


@pytest.mark.parametrize(
    ("failure", "evidence"),
    [
        ("--raise-at=3", "ValueError: no more data at step 3"),
        ("--exit-at=3", "3"),
        ("--kill-at=3", "-9"),
    ],
)
def test_a_candidate_that_fails_is_a_finding(failure: str, evidence: str, tmp_path: Path) -> None:
    status, result, _ = compare(command(TINY), command(TINY, failure), "--no-rerun", cwd=tmp_path)
    assert status == 1
    assert result["causes"][0]["id"] == "candidate-failed"
    found = {finding["channel"]: finding for finding in result["findings"]}
    assert evidence in {str(finding["first"]["candidate"]) for finding in found.values()}
    assert {"exit_status", "updates"} <= set(found)
    assert "parameter" not in found, "what the candidate did not reach is not compared, not missing"
    assert any("failed before" in entry["reason"] for entry in result["not_compared"])


def test_world_runs_a_command_as_several_ranks_ddp(tmp_path: Path) -> None:
    script = command(SCRIPTS / "ddp.py")
    status, result, _ = compare(script, script, "--world=2", cwd=tmp_path)
    assert (status, result["verdict"]) == (0, "identical")
    traces = list((tmp_path / "reports/out/compare/scratch/reference/trace").glob("*.trace"))
    assert sorted(path.name.partition("-")[0] for path in traces) == ["rank0", "rank1"]


def test_out_is_a_fresh_directory_of_each_side(tmp_path: Path) -> None:
    saving = command(TINY, "--out={out}")
    status, result, _ = compare(saving, saving, cwd=tmp_path)
    assert (status, result["verdict"]) == (0, "identical")
    for side in ("reference", "candidate"):
        assert (tmp_path / f"reports/out/compare/scratch/{side}/out/final.pt").is_file()


def test_following_judges_every_phase_and_says_so_everywhere(tmp_path: Path) -> None:
    status, result, progress = compare(
        command(TINY), command(TINY, "--lr=0.02"), "--follow", "--noise-runs=0", cwd=tmp_path
    )
    assert (status, set(result) - TOP_LEVEL) == (1, {"followed"})
    phases = {one["phase"]: one["verdict"] for one in result["followed"]["phases"]}
    assert {name for name, verdict in phases.items() if verdict == "different"} == {"lr"}
    assert (phases["update"], phases["state"], phases["eval"]) == ("identical", "identical", None)
    assert (result["followed"]["writes"], result["followed"]["written"]) == ({"learning rates": 6}, 6)
    assert [cause["id"] for cause in result["causes"]] == ["learning-rate-scaled"]
    assert [finding["channel"] for finding in result["findings"] if finding["gates"]] == ["lr"]
    assert "candidate-following" in progress
    report = (tmp_path / "reports/out/compare/report.md").read_text(encoding="utf-8")
    assert "6 values replaced by the reference's (learning rates 6)." in report
    assert "| lr | **different** | 6 | 6 of 6 updates, first 0 |  |" in report
    assert "set to the reference's values at every boundary where its own differ" in report


def test_following_needs_whole_runs(tmp_path: Path) -> None:
    done = parity("compare", command(TINY), command(TINY), "--follow", "--fail-fast", cwd=tmp_path)
    assert (done.returncode, b"--fail-fast stops them" in done.stderr) == (2, True)
