"""Programs whose calls go through the recorder print the same bytes, write the same files, and end the same way."""

import sys
from pathlib import Path

import pytest

from parity.record.launch import Recording, record
from tests.e2e.programs import SCRIPTS, run

PRINTING = (
    ("seams/fails_inside.py",),
    ("seams/compiled.py",),
    ("seams/loaders.py", "2"),
    ("seams/prints.py",),
    ("seams/stranger.py",),
    ("seams/draws.py", "forward"),
)
WRITING = tuple((f"seams/{name}.py", "{out}") for name in ("saves", "tensors", "shards", "files"))


def written(out: Path) -> dict[str, int]:
    """Names and sizes: what these programs save is drawn anew each time. Equal bytes are shown by tests/e2e."""
    return {path.relative_to(out).as_posix(): path.stat().st_size for path in out.rglob("*") if path.is_file()}


@pytest.mark.parametrize("words", PRINTING + WRITING, ids=lambda words: "-".join(words))
def test_streams_files_and_status_are_those_of_the_bare_program(words: tuple[str, ...], tmp_path: Path) -> None:
    places = tmp_path / "bare" / "out", tmp_path / "seen" / "out"
    for place in places:
        place.mkdir(parents=True)
    line, again = ([sys.executable, *(word.replace("{out}", str(place)) for word in words)] for place in places)
    bare = run(line, cwd=SCRIPTS)
    recording = Recording(environment={"OMP_NUM_THREADS": "1"})
    trace = tmp_path / "trace"
    status = record(again, trace, recording, directory=SCRIPTS, streams=False)
    assert status == bare.returncode
    assert (trace / "stdout.txt").read_bytes() == bare.stdout
    assert (trace / "stderr.txt").read_bytes() == bare.stderr
    assert written(places[1]) == written(places[0])
    assert bool(written(places[0])) == (words in WRITING)
