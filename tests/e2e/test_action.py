"""The action in a foreign repository with a pair in parity and one that is not; the hook; the workflow."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.programs import ROOT, TINY
from tests.e2e.workflow import Action, read_action
from tests.structure import faults

pytestmark = pytest.mark.xdist_group("action")

DEFINITION = read_action(ROOT / "action.yml")
PULL = {"repository": "them/theirs", "event": {"pull_request": {"number": 7}}}
POLICY = """
[[tool.parity.ignored]]
channel = "log_value"
pair = "same"
reason = "the refactored program prints another loss"

[[tool.parity.pairs]]
name = "same"
reference = "python legacy/train.py"
candidate = "python train.py"
scenarios = [{ name = "scratch" }]

[[tool.parity.pairs]]
name = "different"
reference = "python legacy/train.py"
candidate = "python legacy/train.py"
scenarios = [{ name = "scratch", candidate_arguments = "--lr=0.02" }]
"""
GH = '''
"""Stands in for gh: keeps the comments of a pull request in a file, and knows no other call."""
import json, os, re, sys
from pathlib import Path

kept = Path(os.environ["COMMENTS"])
comments = json.loads(kept.read_text()) if kept.exists() else []
place = "repos/them/theirs/issues/"
assert os.environ["GH_TOKEN"] == "secret"
match sys.argv[1:]:
    case ["api", "--paginate", where, "--jq", wanted]:
        assert where == place + "7/comments"
        mark = re.fullmatch(r'\\.\\[\\] \\| select\\(\\.body \\| startswith\\("(.+)"\\)\\) \\| \\.id', wanted)[1]
        print(*(one["id"] for one in comments if one["body"].startswith(mark)), sep="\\n")
    case ["api", "--method", "POST", where, "-F", body] if where == place + "7/comments":
        comments.append({"id": 100 + len(comments), "body": Path(body.removeprefix("body=@")).read_text(), "edits": 0})
    case ["api", "--method", "PATCH", where, "-F", body]:
        (known,) = [one for one in comments if where == f"{place}comments/{one['id']}"]
        known.update(body=Path(body.removeprefix("body=@")).read_text(), edits=known["edits"] + 1)
    case _:
        sys.exit(f"gh: {sys.argv[1:]}")
kept.write_text(json.dumps(comments))
'''


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the runner of a job has: the repository, and programs on its PATH."""
    job = tmp_path_factory.mktemp("job")
    for place in ("theirs/legacy", "bin", "instrument"):
        (job / place).mkdir(parents=True)
    shutil.copy(TINY, job / "theirs/legacy/train.py")
    text = TINY.read_text(encoding="utf-8")
    changed = text.replace("loss {loss.item():.6f}", "loss {loss.item() + 1:.6f}")
    assert changed != text
    (job / "theirs/train.py").write_text(changed, encoding="utf-8")
    (job / "theirs/pyproject.toml").write_text(POLICY, encoding="utf-8")
    (job / "instrument/parity").symlink_to(ROOT / "parity")
    (job / "gh.py").write_text(GH, encoding="utf-8")
    for name, words in {"python": [sys.executable], "gh": [sys.executable, str(job / "gh.py")]}.items():
        program = job / "bin" / name
        program.write_text(f'#!/bin/sh\nexec {" ".join(words)} "$@"\n', encoding="utf-8")
        program.chmod(0o755)
    return job


def action(job: Path, event: dict[str, Any] = PULL, **given: str) -> Action:
    environment = {
        "PATH": f"{job / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(job / "instrument"),
        "OMP_NUM_THREADS": "1",
        "COMMENTS": str(job / "comments.json"),
        "GITHUB_STEP_SUMMARY": str(job / "summary.md"),
        "PARITY_CACHE": str(job / "cache"),
    }
    return Action(job / "theirs", DEFINITION, given, event, environment)


@pytest.fixture(scope="module")
def both(job: Path) -> tuple[Action, bool]:
    """The action over both pairs, with comments, and whether it passed."""
    ran = action(job, comment="true", token="secret")
    return ran, ran.run()


def test_it_fails_with_the_verdict_after_everybody_can_read_why(both: tuple[Action, bool], job: Path) -> None:
    ran, passed = both
    assert not passed
    assert ran.outputs["run"] == {"exit-code": "1"}, ran.said
    done = {name: word for name, word in ran.outcomes.items() if word != "success"}
    assert done == {"Install": "skipped", "Verdict": "failure"}, ran.said
    summary = (job / "summary.md").read_text(encoding="utf-8")
    assert summary.count("\n## 1. Executive summary") == 2
    assert ran.said.count("::error") >= 1


def test_its_reports_judge_as_the_run_did(both: tuple[Action, bool], job: Path) -> None:
    schema = json.loads((ROOT / "docs/result.schema.json").read_text(encoding="utf-8"))
    verdicts = {}
    for path in (job / "theirs/reports/out").glob("*/scratch/result.json"):
        result = json.loads(path.read_text(encoding="utf-8"))
        assert faults(result, schema, schema) == []
        verdicts[result["pair"]] = (result["verdict"], result["exit_code"])
    assert verdicts == {"same": ("identical", 0), "different": ("different", 1)}


def test_it_uploads_what_people_and_servers_read(both: tuple[Action, bool]) -> None:
    ran, _ = both
    names = ("report.md", "report.html", "junit.xml", "parity.sarif", "scratch/result.json")
    wanted = {f"reports/out/{pair}/{name}" for pair in ("same", "different") for name in names}
    assert wanted <= ran.uploaded
    charts = ran.uploaded - wanted
    assert charts
    assert all(one.startswith("reports/out/different/report-charts/") for one in charts), charts
    assert ran.text(DEFINITION["outputs"]["sarif"]["value"]) == "reports/out"
    assert ran.text(DEFINITION["outputs"]["exit-code"]["value"]) == "1"


def test_its_comments_are_renewed_and_not_repeated(both: tuple[Action, bool], job: Path) -> None:
    kept = job / "comments.json"
    first = json.loads(kept.read_text(encoding="utf-8"))
    assert sorted(("`same`" in one["body"], one["edits"]) for one in first) == [(False, 0), (True, 0)]
    again = action(
        job, comment="true", token="secret", pairs="same", output="out", full="true", config="pyproject.toml"
    )
    assert again.run(), again.said
    assert again.outputs["run"] == {"exit-code": "0"}
    second = json.loads(kept.read_text(encoding="utf-8"))
    assert [one["id"] for one in second] == [one["id"] for one in first]
    assert sorted(("`same`" in one["body"], one["edits"]) for one in second) == [(False, 0), (True, 1)]


@pytest.mark.parametrize(
    ("event", "given"),
    [
        ({"repository": "them/theirs", "event": {}}, {"comment": "true", "token": "secret"}),
        (PULL, {"comment": "true"}),
        (PULL, {}),
    ],
    ids=["no pull request", "no token", "not wanted"],
)
def test_it_comments_only_where_it_may(event: dict[str, Any], given: dict[str, str], job: Path) -> None:
    ran = action(job, event, pairs="nonsense", artifact="", **given)
    assert not ran.run()
    assert (ran.outcomes["Comment"], ran.outcomes["Upload"]) == ("skipped", "skipped")
    assert ran.outputs["run"] == {"exit-code": "2"}
    assert ran.outcomes["Verdict"] == "failure"


def test_what_is_installed_first_stops_everything_where_it_fails(job: Path) -> None:
    ran = action(job, install="--no-index no-such-package")
    assert not ran.run()
    ended = dict.fromkeys(("Run", "Report", "Upload", "Comment", "Verdict"), "skipped")
    assert ran.outcomes == {"Install": "failure", **ended}, ran.said


@pytest.mark.parametrize(
    ("default", "code", "said"), [("1e-2", 0, "no flag has changed"), ("2e-2", 1, "default changed")]
)
def test_the_hook_before_a_commit(default: str, code: int, said: str, tmp_path: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    program, *words = hook["entry"].split()
    assert (program, hook["pass_filenames"]) == ("parity", False)
    text = TINY.read_text(encoding="utf-8")
    (tmp_path / "train.py").write_text(text.replace("default=1e-2", f"default={default}"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "parity.cli", *words, str(TINY), "train.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert said in done.stdout


def test_the_workflow_gives_the_action_inputs_that_it_has() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/parity.yml").read_text(encoding="utf-8"))["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    (own,) = [step for step in steps if step.get("uses") == "./"]
    assert set(own["with"]) <= set(DEFINITION["inputs"])
    for step in steps:
        if "run" in step:
            assert (ROOT / step["run"]).is_file()
