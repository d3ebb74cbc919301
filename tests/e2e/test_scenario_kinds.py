"""``parity run`` over scenarios that stop and go on, as a user writes them in a policy."""

import json
import shutil
import signal
import sys

from parity.errors import PARITY, VIOLATED
from tests.e2e.programs import SCRIPTS, parity

POLICY = f"""
[[tool.parity.pairs]]
name = "resumable"
reference = "{sys.executable} {SCRIPTS}/resumable.py --out {{out}}"
candidate = "{sys.executable} CANDIDATE --out {{out}}"

[[tool.parity.pairs.scenarios]]
name = "resume-sigterm"
kind = "resume"
straight = "--steps 6"
prepare = "--steps 6"
interrupt = {{ signal = "SIGTERM", update = [1, 3], micro_step = 0 }}
arguments = "--steps 6 --resume"
"""
ONCE = POLICY.replace("[1, 3]", "2")
DAMAGED = """
[[tool.parity.pairs.scenarios]]
name = "damaged"
kind = "resume"
straight = "--steps 6"
prepare = "--steps 5"
damage = "garble"
arguments = "--steps 6 --resume"

"""
CROSSED = """
[[tool.parity.pairs.scenarios]]
name = "crossed"
kind = "cross-load"
prepare = "--steps 3"
arguments = "--steps 5 --resume"

[[tool.parity.pairs.scenarios]]
name = "told"
kind = "interrupt"
arguments = "--steps 6"
interrupt = { signal = "SIGTERM", update = 2 }

"""
KEYBOARD = """
[[tool.parity.pairs.scenarios]]
name = "told-at-the-keyboard"
kind = "interrupt"
arguments = "--steps 6"
interrupt = { signal = "SIGINT", update = 2 }
"""


def ran(place, candidate, policy, *options):
    (place / "pyproject.toml").write_text(policy.replace("CANDIDATE", str(candidate)), encoding="utf-8")
    done = parity("run", "--json", *options, cwd=place)
    results = json.loads(done.stdout)
    return done, {one["scenario"]: one for one in results}


def test_a_program_that_resumes_exactly_is_said_to(tmp_path):
    done, results = ran(tmp_path, SCRIPTS / "resumable.py", POLICY + DAMAGED + CROSSED + KEYBOARD)
    assert done.returncode == PARITY, done.stderr.decode()
    assert list(results) == [
        "resume-sigterm-1-straight",
        "resume-sigterm-1-first",
        "resume-sigterm-1",
        "resume-sigterm-3-straight",
        "resume-sigterm-3-first",
        "resume-sigterm-3",
        "damaged-straight",
        "damaged-first",
        "damaged",
        "crossed-first",
        "crossed-from-reference",
        "crossed-from-candidate",
        "told",
        "told-at-the-keyboard",
    ]
    assert {one["verdict"] for one in results.values()} == {"identical"}
    for name, begins in (("resume-sigterm-1", 2), ("resume-sigterm-3", 4), ("damaged", 4)):
        for side in ("reference", "candidate"):
            told = results[name]["resume"][side]
            assert (told["exact"], told["begins_with_update"], told["known_by"]) == (True, begins, "weights")
            assert told["saved_differences"] == 0
            assert told["causes"] == []
    assert results["damaged"]["resume"]["candidate"]["damaged"] == "step-5.pt"
    again = parity("report", "reports/out/resumable", cwd=tmp_path)
    assert again.returncode == PARITY, again.stderr.decode()
    assert again.stdout.decode().count("identical to the straight run from there on") == 6
    ends = tmp_path / "reports/out/resumable/told-at-the-keyboard/reference/trace/manifest.json"
    assert json.loads(ends.read_text(encoding="utf-8"))["exit_status"] == -signal.SIGINT


def test_a_candidate_that_resumes_worse_gates_and_a_shared_defect_does_not(tmp_path):
    text = (SCRIPTS / "resumable.py").read_text(encoding="utf-8")
    worse = tmp_path / "worse.py"
    worse.write_text(text.replace('    torch.set_rng_state(saved["rng"])\n', ""), encoding="utf-8")
    done, results = ran(tmp_path, worse, ONCE, "--noise-runs=0")
    assert done.returncode == VIOLATED
    assert [one["id"] for one in results["resume-sigterm"]["causes"]] == ["resume-random-state-lost"]
    assert results["resume-sigterm-straight"]["verdict"] == "identical"
    both = ONCE.replace(f"{SCRIPTS}/resumable.py", str(worse))
    done, results = ran(tmp_path, worse, both, "--noise-runs=0")
    assert done.returncode == PARITY
    assert results["resume-sigterm"]["resume"]["shared"] == ["resume-random-state-lost"]
    report = (tmp_path / "reports/out/resumable/report.md").read_text(encoding="utf-8")
    assert "A property of both sides, which does not count against parity." in report


MEAN = ".square().mean() / MICRO_STEPS"
OTHER_ROUNDING = ".square().div(3.0).mean() * (3.0 / MICRO_STEPS)"
TOLERANCE = """
[[tool.parity.tolerances]]
channel = "loss"
relative = 1e-6
reason = "another order of operations"
"""


def rounding_otherwise(place):
    """A candidate whose losses are those of the reference but for rounding."""
    text = (SCRIPTS / "resumable.py").read_text(encoding="utf-8")
    assert text.count(MEAN) == 1
    candidate = place / "rounds.py"
    candidate.write_text(text.replace(MEAN, OTHER_ROUNDING), encoding="utf-8")
    return candidate


def test_the_noise_of_every_part_of_a_resume_is_measured(tmp_path):
    done, results = ran(tmp_path, rounding_otherwise(tmp_path), ONCE, "--noise-runs=1")
    assert done.returncode == PARITY, done.stderr.decode()
    assert {name: one["verdict"] for name, one in results.items()} == {
        "resume-sigterm-straight": "equivalent",
        "resume-sigterm-first": "equivalent",
        "resume-sigterm": "equivalent",
    }
    assert {one["noise"]["runs"] for one in results.values()} == {1}
    again = parity("report", "reports/out/resumable", "--json", cwd=tmp_path)
    assert again.returncode == PARITY
    assert {one["verdict"] for one in json.loads(again.stdout)} == {"equivalent"}
    shutil.rmtree(tmp_path / "reports/out/resumable/resume-sigterm/noise")
    assert parity("report", "reports/out/resumable", cwd=tmp_path).returncode == VIOLATED


def test_tolerances_hold_in_every_kind_of_scenario(tmp_path):
    candidate = rounding_otherwise(tmp_path)
    done, results = ran(tmp_path, candidate, ONCE + CROSSED + TOLERANCE, "--noise-runs=0")
    assert done.returncode == PARITY, done.stderr.decode()
    assert {one["verdict"] for one in results.values()} == {"equivalent"}
    assert not list((tmp_path / "reports/out").rglob("reference-rerun"))
