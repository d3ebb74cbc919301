"""A close-up changes nothing: not the bits, not what is printed, not what other probes see, whatever is looked at."""

import sys
from pathlib import Path

import pytest
import torch

from parity.compare.engine import compare
from parity.compare.zoom import compare_closeups
from parity.findings.judge import judge
from parity.record.launch import Recording, record
from parity.trace.store import read_trace
from parity.trace.zoom import SUFFIX, read_closeup
from tests.e2e.closeups import SMALL_GPT
from tests.e2e.programs import SCRIPTS, run
from tests.e2e.test_fidelity import tensors

UPDATE = {"update": 2, "micro_step": 1}


def recorded(place: Path, words: list[str], **attachments: object) -> Path:
    status = record(words, place, Recording(attachments=attachments), streams=False)
    assert status == 0, (place / "stderr.txt").read_text(encoding="utf-8")
    return place


def test_the_run_is_the_same_to_the_bit(tmp_path: Path) -> None:
    bare = run([sys.executable, str(SMALL_GPT), "bare.pt"], cwd=tmp_path)
    words = [sys.executable, str(SMALL_GPT), str(tmp_path / "zoomed.pt")]
    zoomed = recorded(tmp_path / "zoomed", words, zoom=UPDATE)
    assert (zoomed / "stdout.txt").read_bytes() == bare.stdout
    ours, theirs = (tensors(torch.load(tmp_path / name)) for name in ("bare.pt", "zoomed.pt"))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_the_other_probes_do_not_see_it(tmp_path: Path) -> None:
    words = [sys.executable, str(SMALL_GPT)]
    plain, zoomed = recorded(tmp_path / "plain", words), recorded(tmp_path / "zoomed", words, zoom=UPDATE)
    comparison = compare(read_trace(plain), read_trace(zoomed))
    assert judge(comparison).findings == ()
    assert {key: one.equal for key, one in comparison.coverage.items()} == {
        key: one.values for key, one in comparison.coverage.items()
    }


def test_only_the_asked_micro_step_is_seen_and_nothing_of_the_recorder(tmp_path: Path) -> None:
    zoomed = recorded(tmp_path / "zoomed", [sys.executable, str(SMALL_GPT)], zoom=UPDATE)
    found = read_closeup(next(zoomed.glob(f"*{SUFFIX}")))
    assert (found.update, [step.number for step in found.micro_steps], found.faults) == (2, [1], ())
    step = found.micro_steps[0]
    assert step.is_complete
    assert len(step.parameters) == len(step.parameter_gradients) == 29
    # The program computes no norm and looks at no generator; the recorder does both meanwhile.
    names = {one.name for one in (*step.forward, *step.backward)}
    assert not any("norm" in name and "layer_norm" not in name for name in names)
    # Every tensor that an operation reads was there before: made by another one, given to the model, or a parameter.
    known = {one.content.digest for one in step.parameters.values()}
    known |= {one.digest for call in step.calls for one in call.inputs}
    for operation in step.forward:
        assert known.issuperset(operation.inputs) or operation.module == "(outside the model)", operation
        known.update(operation.outputs)


@pytest.mark.parametrize(("way", "calls"), [("twice", 4), ("failing", 2), ("watched", 2)])
def test_odd_forwards_run_as_they_do_alone(way: str, calls: int, tmp_path: Path) -> None:
    words = [sys.executable, str(SCRIPTS / "odd_forwards.py"), way]
    bare = run(words, cwd=tmp_path)
    zoomed = recorded(tmp_path / "zoomed", words, zoom={"update": 2, "micro_step": None})
    assert (zoomed / "stdout.txt").read_bytes() == bare.stdout
    assert (zoomed / "stderr.txt").read_bytes() == bare.stderr
    notes = [note for process in read_trace(zoomed).processes for note in process.notes if "probe" in note]
    assert notes == []
    found = read_closeup(next(zoomed.glob(f"*{SUFFIX}")))
    (step,) = found.micro_steps
    assert step.is_complete
    assert [one.path for one in step.calls if one.path.startswith("again")] == [
        "again",
        "again#1",
        "again#2",
        "again#3",
    ][:calls]


def test_what_cannot_be_looked_at_ends_the_close_up_and_not_the_program(tmp_path: Path) -> None:
    words = [sys.executable, str(SCRIPTS / "odd_forwards.py"), "secretive"]
    bare = run(words, cwd=tmp_path)
    zoomed = recorded(tmp_path / "zoomed", words, zoom={"update": 2, "micro_step": None})
    assert (zoomed / "stdout.txt").read_bytes() == bare.stdout
    found = read_closeup(next(zoomed.glob(f"*{SUFFIX}")))
    assert found.faults == ("RuntimeError: nobody may look",)
    assert "the recorder stopped watching" in compare_closeups(found, found, 2).remarks[0]
