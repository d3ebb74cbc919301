"""What the trace of each specimen must contain, however it is started, and that every channel is proved by one."""

import os
import sys
from pathlib import Path

import pytest

from parity.compare.engine import compare
from parity.record.commands import across_ranks
from parity.record.launch import Recording, record
from parity.record.places import TEMPORARY
from parity.record.processes import Launcher, start_fresh
from parity.record.teardown import aborted_in_teardown
from parity.trace.channels import CHANNELS
from parity.trace.model import Trace
from parity.trace.store import read_trace
from tests.e2e.programs import SCRIPTS, run
from tests.specimens.conftest import Bare
from tests.specimens.seams import SEAMS
from tests.specimens.shapes import SHAPES
from tests.specimens.table import Specimen, values

SPECIMENS = (*SEAMS, *SHAPES)
COMPILED = "/torchinductor_"
Left = tuple[bytes, bytes, dict[str, int]]
"""What a program prints, to both streams, and the sizes of its files."""
OF_THE_RUN = {"world_size", "exit_status"}
"""Channels that are measured between two manifests, not observed inside a program."""
OF_FOLLOWING = {channel.name for channel in CHANNELS.values() if channel.only_followed}
"""Channels that a pass in follow mode adds: tests/follow proves them."""


@pytest.mark.parametrize("row", SPECIMENS, ids=lambda row: row.id)
def test_the_trace_holds_what_the_program_did(row: Specimen, warm: Launcher, bare: Bare, tmp_path: Path) -> None:
    if row.missing():
        if os.environ.get("CI"):
            pytest.fail(f"CI must have {', '.join(row.missing())}")
        pytest.skip(f"{', '.join(row.missing())} not installed")
    trace = recorded(row, tmp_path / "trace", warm if row.warm else start_fresh)
    assert trace.manifest["launch"] == ("warm" if row.warm else "fresh")
    check(row, trace)
    if row.faithful or row in SHAPES:
        left = left_by(row, trace)
        assert left == left_by_bare(row, tmp_path / "alone" / "out", bare)
        assert any(left)
    if row.warm:
        fresh = recorded(row, tmp_path / "fresh", start_fresh)
        assert fresh.manifest["launch"] == "fresh"
        check(row, fresh)
        found = compare(fresh, trace)
        # A compiler keeps what it has made, and tries out in a temporary file, only once per machine, what it can do.
        real = [one for one in found.measurements if not any(made in one.name for made in (TEMPORARY, COMPILED))]
        assert [(one.channel.name, one.name, one.reference, one.candidate) for one in real] == []
        assert {one.reason for one in found.not_compared} <= {one.reason for one in compare(fresh, fresh).not_compared}


def recorded(row: Specimen, place: Path, launcher: Launcher) -> Trace:
    """The trace of ``row``, of a second run where gloo aborted the first one in its teardown, as sessions do it."""
    first = run_once(row, place, launcher)
    trace = run_once(row, place / "again", launcher) if aborted_in_teardown(first) else first
    assert trace.exit_status == row.exit_status, (trace.directory / "stderr.txt").read_text(encoding="utf-8")
    return trace


def run_once(row: Specimen, place: Path, launcher: Launcher) -> Trace:
    out = place / "out"
    environment = {"OMP_NUM_THREADS": "1", **row.environment}
    recording = Recording(
        level=row.level, world=row.world, out=out, seed=0, environment=environment, attachments=row.attachments
    )
    words = [sys.executable, *(word.replace("{out}", str(out)) for word in row.words)]
    trace = place / "trace"
    record(words, trace, recording, directory=SCRIPTS, streams=False, launcher=launcher)
    return read_trace(trace)


def left_by(row: Specimen, trace: Trace) -> Left:
    stdout, stderr = ((trace.directory / name).read_bytes() for name in ("stdout.txt", "stderr.txt"))
    return (stdout, stderr if row.faithful else b"", written(trace.directory.parent / "out"))


def left_by_bare(row: Specimen, out: Path, bare: Bare) -> Left:
    """What the program leaves when nobody listens: every shape prints a digest of its final parameters.

    One whose complaints count, or that is several processes, starts in a process of its own.
    """
    out.mkdir(parents=True)
    words = [word.replace("{out}", str(out)) for word in row.words]
    if not row.faithful and row.world == 1:
        status, stdout = bare(tuple(words), out.parent)
        assert status == row.exit_status, (out.parent / "stderr.txt").read_text(encoding="utf-8")
        return (stdout, b"", written(out))
    words = [sys.executable, *words]
    line = across_ranks(words, row.world) if row.world > 1 else words
    done = run(line, cwd=SCRIPTS)
    if row.world > 1 and done.returncode != row.exit_status:  # gloo may abort a process that has done everything
        done = run(line, cwd=SCRIPTS)
    assert done.returncode == row.exit_status, done.stderr.decode()[-2000:]
    return (done.stdout, done.stderr if row.faithful else b"", written(out))


def written(out: Path) -> dict[str, int]:
    """Names and sizes: what the seams save is drawn anew each time. Equal bytes are shown by tests/e2e."""
    return {path.relative_to(out).as_posix(): path.stat().st_size for path in out.rglob("*") if path.is_file()}


def check(row: Specimen, trace: Trace) -> None:
    assert trace.world == row.world
    process = trace.processes[0]
    assert [note for note in process.notes if "probe" in note] == [], "a probe was switched off"
    if row.updates is not None:
        assert process.updates == row.updates
    for key, expected in row.expects.items():
        found = values(process, key)
        assert expected(found) if callable(expected) else found == list(expected), (key, found[:20])
    for channel in row.lacks:
        assert not any(process.channel(channel)), channel


def test_every_declared_channel_is_proved_by_a_specimen() -> None:
    proved = {channel for row in SPECIMENS for channel in row.proves()}
    assert set(CHANNELS) - OF_THE_RUN - OF_FOLLOWING - proved == set()


def test_names_are_unique_and_numerous() -> None:
    names = [row.id for row in SPECIMENS]
    assert len(set(names)) == len(names) >= 40
