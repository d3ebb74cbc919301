"""Checkpoints at URLs: fetched whole, and only to where they belong."""

import functools
import http.server
import threading
from pathlib import Path

import pytest
import torch

from parity.checkpoint.reading import opened, read_checkpoint
from parity.compare.checkpoints import compare_checkpoints
from parity.errors import CheckpointEscapesError, CheckpointMissingError, UsageError

fsspec = pytest.importorskip("fsspec")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.asked.append(self.path)
        super().do_GET()


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "run"
    (path / "inner").mkdir(parents=True)
    torch.save({"w": torch.arange(4.0)}, path / "a.pt")
    (path / "inner" / "b.json").write_text('{"lr": 0.1}')
    return path


@pytest.fixture
def web(folder):
    handler = functools.partial(Quiet, directory=folder.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def differences(url, local):
    with opened(url) as fetched:
        return compare_checkpoints(fetched, read_checkpoint(local)).differences


def test_a_file_and_a_directory_on_the_web(web, folder):
    pytest.importorskip("aiohttp")
    url = f"http://127.0.0.1:{web.server_port}/run"
    assert differences(f"{url}/a.pt", folder / "a.pt") == ()
    assert set(web.asked) == {"/run/a.pt"}
    assert differences(f"{url}/", folder) == ()
    assert {"/run/a.pt", "/run/inner/b.json"} <= set(web.asked)


def test_files_and_directories_of_any_system(folder):
    memory = fsspec.filesystem("memory")
    memory.put(str(folder), "/stored", recursive=True)
    try:
        assert differences("memory://stored/a.pt", folder / "a.pt") == ()
        assert differences("memory://stored", folder) == ()
        assert differences("memory://stored/", folder) == ()
    finally:
        memory.rm("/stored", recursive=True)
    assert differences(f"file://{folder}", folder) == ()


class Lying(fsspec.AbstractFileSystem):
    """Lists a file that is not in the directory that was asked for."""

    protocol = "lying"

    def isfile(self, _):
        return False

    def find(self, path, **_):
        return [f"{path}../../CANARY"]

    def get_file(self, _, target, **__):
        Path(target).touch()


def test_nothing_is_written_beside_its_place(tmp_path, monkeypatch):
    fsspec.register_implementation("lying", Lying, clobber=True)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with pytest.raises(CheckpointEscapesError, match="CANARY"), opened("lying://x/run"):
        pass
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    ("url", "error"), [("memory://nothing/here", CheckpointMissingError), ("unheard-of://x", UsageError)]
)
def test_what_cannot_be_fetched_is_said(url, error):
    with pytest.raises(error, match=url.partition(":")[0]), opened(url):
        pass
