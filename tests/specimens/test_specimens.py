"""What the trace of each specimen must contain, and that every declared channel is proved by one."""

import os
import sys
from pathlib import Path

import pytest

from parity.record.launch import Recording, record
from parity.trace.channels import CHANNELS
from parity.trace.store import read_trace
from tests.e2e.programs import SCRIPTS
from tests.specimens.seams import SEAMS
from tests.specimens.shapes import SHAPES
from tests.specimens.table import Specimen, values

SPECIMENS = (*SEAMS, *SHAPES)
OF_THE_RUN = {"world_size", "exit_status"}
"""Channels that are measured between two manifests, not observed inside a program."""


@pytest.mark.parametrize("row", SPECIMENS, ids=lambda row: row.id)
def test_the_trace_holds_what_the_program_did(row: Specimen, tmp_path: Path) -> None:
    if row.missing():
        if os.environ.get("CI"):
            pytest.fail(f"CI must have {', '.join(row.missing())}")
        pytest.skip(f"{', '.join(row.missing())} not installed")
    recording = Recording(
        world=row.world,
        out=tmp_path / "out",
        environment={"OMP_NUM_THREADS": "1", **row.environment},
        attachments=row.attachments,
    )
    words = [sys.executable, *(word.replace("{out}", str(tmp_path / "out")) for word in row.words)]
    status = record(words, tmp_path / "trace", recording, directory=SCRIPTS, streams=False)
    assert status == row.exit_status, (tmp_path / "trace/stderr.txt").read_text(encoding="utf-8")
    trace = read_trace(tmp_path / "trace")
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
    assert set(CHANNELS) - OF_THE_RUN - proved == set()


def test_names_are_unique_and_numerous() -> None:
    names = [row.id for row in SPECIMENS]
    assert len(set(names)) == len(names) >= 40
