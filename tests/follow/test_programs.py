"""Programs that end, fail or cannot be followed: nobody waits for ever, and what was not followed is said."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from parity.compare.engine import compare
from parity.diagnose.outcome import Outcome
from parity.errors import PARITY, VIOLATED
from parity.findings.following import word_of
from parity.findings.model import Verdict
from parity.record.launch import Recording, record
from parity.record.warm.launcher import WarmLauncher
from parity.run.conclusion import conclude
from parity.run.follow import followed, refusal
from parity.run.plan import Scenario, Side
from parity.trace.model import Trace
from parity.trace.store import read_trace
from tests.e2e.programs import SCRIPTS, TINY, command
from tests.follow.lockstep import Lockstep
from tests.unit.compare.trace_builder import process, trace

SCENARIO = Scenario(pair="small", name="scratch", reference="", candidate="", follows=True)


class Programs:
    """Runs whatever command a test gives to a side."""

    def __init__(self, directory: Path, launcher: WarmLauncher, **commands: str) -> None:
        self.directory = directory
        self.launcher = launcher
        self.commands = commands

    def __call__(self, scenario: Scenario, side: Side) -> Trace:
        place = self.directory / side.value
        recording = Recording(environment={"OMP_NUM_THREADS": "1"}, attachments=scenario.recording.attachments)
        record(self.commands[side.name.lower()], place, recording, streams=False, launcher=self.launcher)
        return read_trace(place)

    def outcome(self) -> Outcome:
        plain = compare(self(SCENARIO, Side.REFERENCE), self(SCENARIO, Side.CANDIDATE))
        return followed(conclude("small", "scratch", plain, None), SCENARIO, None, self)


def _both(reference: str, candidate: str) -> dict[str, str]:
    return {"reference": reference, "candidate": candidate, "leader": reference, "follower": candidate}


@pytest.mark.parametrize("ended", ["--kill-at=3", "--exit-at=3", "--raise-at=3"])
def test_the_follower_goes_on_when_the_leader_dies(ended: str, tmp_path: Path, lockstep: Lockstep) -> None:
    commands = {**_both(command(TINY), command(TINY, "--lr=0.02")), "leader": command(TINY, ended)}
    outcome = Programs(tmp_path, lockstep.launcher, **commands).outcome()
    assert "the reference ended with status" in outcome.followed.refusal
    assert outcome.judgement is outcome.followed.plain
    follower = read_trace(tmp_path / Side.FOLLOWER.value)
    assert (follower.exit_status, follower.processes[0].updates) == (0, 6)


def test_the_leader_runs_on_when_the_follower_dies(tmp_path: Path, lockstep: Lockstep) -> None:
    commands = {**_both(command(TINY), command(TINY)), "follower": command(TINY, "--kill-at=2")}
    programs = Programs(tmp_path, lockstep.launcher, **commands)
    programs.outcome()
    leader = read_trace(tmp_path / Side.LEADER.value)
    assert (leader.exit_status, leader.processes[0].updates) == (0, 6)


def test_a_candidate_that_ends_early_lacks_updates(tmp_path: Path, lockstep: Lockstep) -> None:
    commands = _both(command(TINY), command(TINY, "--steps=4", "--lr-change-at=2"))
    outcome = Programs(tmp_path, lockstep.launcher, **commands).outcome()
    assert outcome.exit_code == VIOLATED
    assert {cause.id for cause in outcome.diagnosis.causes} >= {"updates-missing"}
    assert {finding.channel.name for finding in outcome.judgement.gating} >= {"lr", "updates"}


def test_a_candidate_that_trains_longer_has_more_updates(tmp_path: Path, lockstep: Lockstep) -> None:
    outcome = Programs(tmp_path, lockstep.launcher, **_both(command(TINY), command(TINY, "--steps=9"))).outcome()
    assert outcome.exit_code == VIOLATED
    assert outcome.followed.writes == {}
    assert {finding.verdict for finding in outcome.judgement.gating if finding.channel.name == "parameter"} == {
        Verdict.EXTRA
    }


@pytest.mark.parametrize("generator", ["python", "numpy"])
def test_generators_that_nobody_seeded_are_taken_over(generator: str, tmp_path: Path, lockstep: Lockstep) -> None:
    unseeded = command(TINY, f"--random-data={generator}")
    outcome = Programs(tmp_path, lockstep.launcher, **_both(unseeded, unseeded)).outcome()
    words = {phase.name: word_of(phase) for phase in outcome.followed.phases}
    assert words["data"] is Verdict.DIFFERENT
    assert {words[name] for name in ("forward", "loss", "backward", "clip", "lr", "update", "state", "log")} == {
        Verdict.IDENTICAL
    }
    assert {"inputs", "generators"} >= set(outcome.followed.writes) >= {"inputs"}


def test_updates_by_hand_are_not_followed(tmp_path: Path, lockstep: Lockstep) -> None:
    by_hand = command(SCRIPTS / "by_hand.py", "versions")
    outcome = Programs(tmp_path, lockstep.launcher, **_both(by_hand, by_hand)).outcome()
    assert outcome.exit_code == PARITY
    assert outcome.followed.writes == {}
    reasons = {reason for phase in outcome.followed.phases for reason in phase.reasons}
    assert reasons == {"not followed: parameters are updated without an optimizer's step"}


def test_compiled_programs_are_followed_without_a_trace(tmp_path: Path, lockstep: Lockstep) -> None:
    compiled = command(SCRIPTS / "compiled.py", "module", "aot_eager")
    outcome = Programs(tmp_path, lockstep.launcher, **_both(compiled, compiled)).outcome()
    assert (outcome.exit_code, outcome.followed.refusal, outcome.followed.writes) == (PARITY, "", {})
    assert all(word_of(phase) in (Verdict.IDENTICAL, None) for phase in outcome.followed.phases)
    # The program prints its graphs, breaks and recompilations, and the digest of its weights.
    sides = [tmp_path / side.value for side in Side if side is not Side.RERUN]
    printed = {(place / "stdout.txt").read_text(encoding="utf-8") for place in sides}
    assert len(printed) == 1


def test_pieces_of_another_size_are_judged_as_one_stream(tmp_path: Path, lockstep: Lockstep) -> None:
    small, large = (command(Path(__file__).with_name("pieces.py"), size) for size in ("4", "8"))
    outcome = Programs(tmp_path, lockstep.launcher, **_both(small, large)).outcome()
    words = {phase.name: word_of(phase) for phase in outcome.followed.phases}
    assert "inputs" not in outcome.followed.writes, "the same samples, cut otherwise"
    assert {words[name] for name in ("forward", "backward")} == {Verdict.NOT_COMPARED}
    assert {words[name] for name in ("clip", "lr", "update", "state")} == {Verdict.IDENTICAL}


def test_pieces_of_another_size_are_set_to_the_references_stream(tmp_path: Path, lockstep: Lockstep) -> None:
    small, large = (command(Path(__file__).with_name("pieces.py"), *words) for words in (("4",), ("8", "wrong")))
    outcome = Programs(tmp_path, lockstep.launcher, **_both(small, large)).outcome()
    words = {phase.name: word_of(phase) for phase in outcome.followed.phases}
    assert outcome.followed.writes["inputs"] == 8, "every one of two pieces, in each of four updates"
    assert (words["data"], words["clip"]) == (Verdict.DIFFERENT, Verdict.DIFFERENT)
    assert {words[name] for name in ("lr", "update", "state")} == {Verdict.IDENTICAL}
    assert "clip-limit" in {cause.id for cause in outcome.diagnosis.causes}


def test_compiled_programs_show_each_defect_by_itself(tmp_path: Path, lockstep: Lockstep) -> None:
    text = (SCRIPTS / "compiled.py").read_text(encoding="utf-8")
    planted = text.replace("functional.gelu(", "functional.silu(").replace("lr=1e-2", "lr=1e-2, eps=1e-6")
    assert text.count("functional.gelu(") == text.count("lr=1e-2") == 1
    shutil.copy(SCRIPTS / "finals.py", tmp_path)
    (tmp_path / "planted.py").write_text(planted, encoding="utf-8")
    sides = (command(script, "module", "aot_eager") for script in (SCRIPTS / "compiled.py", tmp_path / "planted.py"))
    outcome = Programs(tmp_path, lockstep.launcher, **_both(*sides)).outcome()
    words = {phase.name: word_of(phase) for phase in outcome.followed.phases}
    assert (words["forward"], words["update"]) == (Verdict.DIFFERENT, Verdict.DIFFERENT)
    assert {words[name] for name in ("setup", "data", "clip", "lr")} <= {Verdict.IDENTICAL, None}
    assert len(outcome.diagnosis.causes) >= 2


def test_what_cannot_be_followed_is_refused_with_the_reason() -> None:
    one, two = trace(process()), trace(process(), process(rank=1))
    scalars = replace(SCENARIO, recording=Recording(level="scalars"))
    assert refusal(SCENARIO, compare(one, one)) == ""
    assert refusal(SCENARIO, compare(two, two)) == ""
    assert refusal(SCENARIO, compare(one, two)) == "2 ranks cannot follow 1"
    assert "level scalars" in refusal(scalars, compare(one, one))
