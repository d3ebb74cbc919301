"""A program of any shape does the same when it is recorded: same output to the bit, same graphs, same memory.

Every script prints a digest of its final parameters, and the compiled ones what the compiler captured.
"""

import sys
from pathlib import Path

import pytest

from parity.record.launch import Recording, record
from parity.trace.model import Trace
from parity.trace.store import read_trace
from tests.e2e.programs import SCRIPTS, run
from tests.specimens.shapes import SHAPES

MOST_MEMORY = 1.02


def listened(words: list[str], trace: Path, recording: Recording) -> tuple[int, bytes, Trace]:
    status = record([sys.executable, *words], trace, recording, directory=SCRIPTS, streams=False)
    return status, (trace / "stdout.txt").read_bytes(), read_trace(trace)


def one_thread(**more) -> Recording:
    return Recording(environment={"OMP_NUM_THREADS": "1"}, **more)


def notes(words: list[str], tmp_path: Path) -> list[str]:
    _, _, trace = listened(words, tmp_path / "trace", one_thread())
    return [str(note["blind"]) for note in trace.processes[0].notes if "blind" in note]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["beside.py", "func"], ["3 calls of a model under torch.func transforms"]),
        (["beside.py", "thread"], ["3 forwards and backwards in threads beside the training thread"]),
        (["by_hand.py", "grad"], ["updates without a step that could be seen: inferred"]),
        (["compiled.py", "lambda", "eager"], ["updates without a call of a model that could be seen"]),
        (["several_optimizers.py", "gan"], []),
    ],
    ids=["func", "thread", "by-hand", "lambda", "gan"],
)
def test_what_cannot_be_seen_is_said(words: list[str], said: list[str], tmp_path: Path) -> None:
    assert notes(words, tmp_path) == said


@pytest.mark.parametrize("level", ["scalars", "digest"])
def test_nothing_is_kept_alive_and_the_peak_of_memory_stays(level: str, tmp_path: Path) -> None:
    peaks = [tmp_path / "bare", tmp_path / "recorded"]
    bare = run([sys.executable, "lets_go.py", str(peaks[0])], cwd=SCRIPTS)
    recording = one_thread(level=level)
    _, output, trace = listened(["lets_go.py", str(peaks[1])], tmp_path / "trace", recording)
    assert trace.processes[0].updates == 3
    assert output == bare.stdout
    assert output.splitlines() == [b"first batch and loss alive: [False, False]", b"alive after the end: 0 of 5"]
    before, after = (int(peak.read_text(encoding="utf-8")) for peak in peaks)
    assert before > 100_000_000
    assert after <= before * MOST_MEMORY


@pytest.mark.parametrize(
    "way", ["by_hand.py versions", "steps.py lbfgs", "steps.py in-backward", "frameworks.py lightning"]
)
def test_the_limit_of_updates_holds_however_they_are_made(way: str, tmp_path: Path) -> None:
    row = next(one for one in SHAPES if one.words == tuple(way.split()))
    if row.missing():
        pytest.skip(f"{', '.join(row.missing())} not installed")
    status, _, trace = listened(way.split(), tmp_path / "trace", one_thread(updates=2))
    assert (status, trace.processes[0].updates) == (0, 2)
