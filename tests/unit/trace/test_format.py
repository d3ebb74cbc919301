"""The committed document says what the declarations say."""

import runpy
from pathlib import Path

import pytest

from parity.record.attachments import observers
from parity.record.probes import MODULES
from parity.trace.channels import CHANNELS
from parity.trace.frames import HISTORY, SCHEMA
from parity.trace.sketches import FRAMES as SKETCH_FRAMES
from parity.trace.wire import FRAMES
from parity.trace.zoom import RECORDS

DOCS = Path(__file__).resolve().parents[3] / "docs"
RUN_AS_A_WHOLE = {"world_size", "exit_status"}


def generated():
    return documents()["trace-format.md"]()


def documents():
    return runpy.run_path(str(DOCS / "generate.py"))["DOCUMENTS"]


@pytest.mark.parametrize("name", sorted(documents()))
def test_the_committed_document_is_up_to_date(name):
    committed = (DOCS / name).read_text(encoding="utf-8")
    assert committed == documents()[name](), "run: python docs/generate.py"


def test_every_channel_and_every_frame_is_in_it():
    rows = [line for line in generated().splitlines() if line.startswith("| `")]
    names = [line.split("`")[1] for line in rows]
    assert sorted(names[len(names) - len(CHANNELS) :]) == sorted(CHANNELS)
    assert {kind.letter for kind in (*FRAMES, *SKETCH_FRAMES)} | set(RECORDS) <= set(names)
    assert all(line.count(" | ") in (1, 2, 5) for line in rows)


def test_every_channel_has_a_probe_or_belongs_to_the_run():
    modules = (*MODULES.values(), *observers().values())
    observed = {"call_site", *(channel for module in modules for channel in module.CHANNELS)}
    assert observed <= set(CHANNELS)
    assert set(CHANNELS) - observed <= RUN_AS_A_WHOLE


def test_the_schema_is_the_last_of_its_history():
    assert list(HISTORY) == list(range(1, SCHEMA + 1))
    assert f"| {SCHEMA} | " in generated()
