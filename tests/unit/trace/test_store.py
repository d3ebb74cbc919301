import json
import re
from pathlib import Path

import pytest

from parity.errors import TraceMissingError, TraceSchemaError, TraceUnreadableError, TraceUnwritableError
from parity.trace.manifest import make_run, read_manifest, write_manifest
from parity.trace.store import read_trace
from tests.unit.trace.trace_files import HEADER, frame, write_observations, write_run


def losses(*updates):
    return [(update, channel, "", 1.0) for update in updates for channel in ("loss", "lr")]


def test_a_run_is_read_back(tmp_path):
    trace = read_trace(write_run(tmp_path / "run", losses(0, 1)))
    assert (trace.command, trace.exit_status, trace.world) == ("python train.py", 0, 1)
    assert trace.rank(0).updates == 2
    assert trace.rank(1) is None


@pytest.mark.parametrize("make", [lambda place: None, lambda place: place.mkdir()], ids=["nowhere", "empty directory"])
def test_a_directory_without_manifest_is_no_run(tmp_path, make):
    make(tmp_path / "run")
    with pytest.raises(TraceMissingError, match=r"manifest\.json"):
        read_trace(tmp_path / "run")


@pytest.mark.parametrize("below", ["trace", "reference/trace", "scratch/reference/trace"])
def test_the_directory_of_a_pair_is_no_run_but_holds_some(tmp_path, below):
    write_run(tmp_path / below, losses(0))
    with pytest.raises(TraceMissingError, match=re.escape(f"It holds {tmp_path / below}.")):
        read_trace(tmp_path)


def test_a_trace_file_alone_is_no_run(tmp_path):
    write_run(tmp_path)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(TraceMissingError):
        read_trace(tmp_path)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"not json"])
def test_a_broken_manifest_is_unreadable(tmp_path, text):
    (tmp_path / "manifest.json").write_bytes(text)
    with pytest.raises(TraceUnreadableError, match=r"manifest\.json"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("text", ["{}", "[]", "3", '{"schema": 0}', '{"schema": 2}', '{"schema": "1"}'])
def test_a_manifest_of_another_schema_is_refused(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(TraceSchemaError, match="schema"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("schema", [0, 2, None, "1"])
def test_a_file_of_another_schema_is_refused(tmp_path, schema):
    write_run(tmp_path)
    (tmp_path / "rank1.trace").write_bytes(frame(b"H", json.dumps({"schema": schema, "rank": 1}).encode()))
    with pytest.raises(TraceSchemaError, match=r"rank1\.trace"):
        read_trace(tmp_path)


@pytest.mark.parametrize("data", [b"", b"PK\3\4 something else"])
def test_a_file_without_header_names_itself(tmp_path, data):
    write_run(tmp_path)
    (tmp_path / "rank0-9.trace").write_bytes(data)
    with pytest.raises(TraceUnreadableError, match=r"rank0-9\.trace"):
        read_trace(tmp_path)


def test_a_directory_that_looks_like_a_trace_file_is_unreadable(tmp_path):
    write_run(tmp_path)
    (tmp_path / "old.trace").mkdir()
    with pytest.raises(TraceUnreadableError):
        read_trace(tmp_path)


def test_a_run_that_left_no_process_is_read(tmp_path):
    write_manifest(tmp_path, {"exit_status": -9})
    trace = read_trace(tmp_path)
    assert (trace.world, trace.exit_status, trace.command) == (0, -9, "")


@pytest.mark.parametrize("names", [("rank0-1", "rank0-2"), ("rank0-2", "rank0-1")])
def test_of_several_processes_of_a_rank_the_one_with_most_updates_trained(tmp_path, names):
    trainer, other = (f"{name}.trace" for name in names)
    write_run(tmp_path, losses(0, 1, 2), file=trainer)
    write_observations(tmp_path / other, [(0, "log_line", "hello", 1), *losses(0)])
    trace = read_trace(tmp_path)
    assert [one.file for one in trace.processes] == [trainer]
    assert [one.file for one in trace.bystanders] == [other]
    assert trace.world == 1


def test_ranks_are_in_order_whatever_their_files_are_called(tmp_path):
    for rank, file in enumerate(["z.trace", "b.trace", "a.trace"]):
        write_run(tmp_path, losses(0), rank=rank, file=file)
    write_observations(tmp_path / "c.trace", [], header={"rank": 1})
    trace = read_trace(tmp_path)
    assert [(one.rank, one.file) for one in trace.processes] == [(0, "z.trace"), (1, "b.trace"), (2, "a.trace")]
    assert [one.file for one in trace.bystanders] == ["c.trace"]


def test_other_files_beside_are_ignored(tmp_path):
    write_run(tmp_path, losses(0))
    (tmp_path / "stdout.txt").write_text("hello", encoding="utf-8")
    assert read_trace(tmp_path).world == 1


def test_a_channel_that_this_version_does_not_know_is_passed_over(tmp_path):
    write_run(tmp_path)
    path = tmp_path / "rank1.trace"
    head = frame(b"H", json.dumps({**HEADER, "schema": 1, "rank": 1}).encode())
    known = frame(b"D", b'[1,"loss",""]')
    values = frame(b"V", bytes(8) + (2).to_bytes(4, "little") + bytes(4) + (1).to_bytes(4, "little") + bytes(16))
    path.write_bytes(head + frame(b"D", b'[0,"from_the_future",""]') + known + values)
    assert list(read_trace(tmp_path).rank(1).series) == [("loss", "")]


def test_a_manifest_is_the_same_bytes_for_the_same_content(tmp_path):
    write_manifest(tmp_path, {"b": 1, "a": 2})
    first = (tmp_path / "manifest.json").read_bytes()
    write_manifest(tmp_path, {"a": 2, "b": 1})
    assert (tmp_path / "manifest.json").read_bytes() == first
    assert read_manifest(tmp_path) == {"schema": 1, "a": 2, "b": 1}


def test_a_manifest_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    write_manifest(tmp_path, {"exit_status": None})

    def full(path, text, encoding):
        path.open("w").close()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(TraceUnwritableError, match="No space left"):
        write_manifest(tmp_path, {"exit_status": 0})
    assert read_manifest(tmp_path) == {"schema": 1, "exit_status": None}


def test_a_new_run_takes_out_what_an_earlier_one_left(tmp_path):
    write_run(tmp_path, losses(0))
    for name in ("rank0-7.sketches", "rank0-8.trace.new", "recorder-failure-3.txt", "mine.txt"):
        (tmp_path / name).write_text("old", encoding="utf-8")
    make_run(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.json", "mine.txt"]


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TraceUnwritableError, match=r"file.below"):
        make_run(tmp_path / "file" / "below")
