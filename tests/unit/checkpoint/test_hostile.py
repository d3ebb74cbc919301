"""No file runs anything, hangs, or fills the memory; what is wrong with it is named."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.checkpoint.hostile import CANARY, EVIL, ROWS
from tests.unit.checkpoint.pickles import keyed, tensor
from tests.unit.checkpoint.reading import aspects, compare
from tests.unit.checkpoint.zips import torch_zip

ROOT = Path(__file__).resolve().parents[3]
MEGABYTES = 500
SECONDS = 60
SHARES = 8


def outcomes(base, names):
    """Compare each of these files with itself, in a process of its own that has no torch."""
    folder = base / "corpus"
    folder.mkdir()
    for name in names:
        suffix, write, _ = ROWS[name]
        write(folder / f"{name}{suffix}")
    listed = {f"{name}{ROWS[name][0]}" for name in names}
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.checkpoint.runs", str(folder), str(SECONDS)],
        cwd=base,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not list(base.rglob(CANARY)), "a file was executed"
    return {name.partition(".")[0]: found for name, found in json.loads(done.stdout).items() if name in listed}


def complaint(name, outcome):
    """What is wrong with an outcome; nothing where it is as its row says."""
    slug = ROWS[name][2]
    if outcome["exit"] != (3 if slug else 0):
        return f"{name}: exit status {outcome['exit']}: {outcome['output'][:500]}"
    if outcome["megabytes"] >= MEGABYTES:
        return f"{name}: {outcome['megabytes']} MB"
    slugs = {one["slug"] for one in json.loads(outcome["output"])["not_compared"]}
    return "" if slugs == ({slug} if slug else set()) else f"{name}: {slugs} instead of {slug!r}"


def test_the_corpus_is_large():
    assert len(ROWS) >= 60


def test_the_canary_sings_when_a_payload_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickle.loads(EVIL)
    assert Path(CANARY).exists()


@pytest.mark.parametrize("share", range(SHARES))
def test_hostile(tmp_path, share):
    found = outcomes(tmp_path, list(ROWS)[share::SHARES])
    assert len(found) >= len(ROWS) // SHARES
    assert [text for name, outcome in found.items() if (text := complaint(name, outcome))] == []


def test_the_rest_is_still_compared(tmp_path):
    """A tensor that contradicts the file is left out; those beside it are not."""
    broken = tensor("0", "FloatStorage", 4, (5,), (1,))
    (tmp_path / "a.pt").write_bytes(torch_zip(keyed(bad=broken, good=tensor("0", "FloatStorage", 4, (4,), (1,)))))
    comparison = compare(tmp_path / "a.pt", tmp_path / "a.pt")
    assert {one.key for one in comparison.not_compared} == {("bad",)}
    assert ("good",) in {pair.key for pair in comparison.units[0].pairs}
    other = torch_zip(keyed(bad=broken, good=tensor("0", "FloatStorage", 4, (4,), (1,))), {"0": bytes(16)})
    (tmp_path / "b.pt").write_bytes(other)
    assert aspects(compare(tmp_path / "a.pt", tmp_path / "b.pt")) == [("value", "good")]
