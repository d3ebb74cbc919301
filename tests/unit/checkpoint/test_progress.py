"""A bar is shown where somebody is looking and has to wait, and nowhere else."""

import json
import os
import pty
import struct
import subprocess
import sys
import threading

import pytest

from parity.run.checkpoints import WORTH_A_BAR
from tests.e2e.programs import ROOT


def sparse_file(path, size):
    """Zeros that take no room on the disk."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}}).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + size)
    return path


def seen(path, *, on_terminal):
    """What a comparison writes to standard error, and to standard output."""
    words = [sys.executable, "-m", "parity.cli", "checkpoint", str(path), str(path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "80"}
    if not on_terminal:
        done = subprocess.run(words, env=environment, capture_output=True, check=True)
        return done.stderr.decode(), done.stdout.decode()
    terminal, end = pty.openpty()
    written = []
    reader = threading.Thread(target=lambda: written.extend(read_all(terminal)))
    reader.start()
    try:
        done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, stderr=end, check=True)
    finally:
        os.close(end)
        reader.join()
        os.close(terminal)
    return b"".join(written).decode(), done.stdout.decode()


def read_all(terminal):
    """Everything until the other end is closed, which Linux tells by an error."""
    try:
        while data := os.read(terminal, 1 << 16):
            yield data
    except OSError:
        return


@pytest.mark.parametrize(
    ("size", "on_terminal", "shown"),
    [(WORTH_A_BAR, True, True), (WORTH_A_BAR, False, False), (1 << 16, True, False)],
    ids=["large on a terminal", "large in a log", "small on a terminal"],
)
def test_progress(tmp_path, size, on_terminal, shown):
    talk, result = seen(sparse_file(tmp_path / "a.safetensors", size), on_terminal=on_terminal)
    assert result.startswith("Identical")
    assert "comparing" not in result
    if shown:
        assert "comparing" in talk
        assert "MB" in talk
        assert "\x1b[2K" in talk, "the bar is taken away in the end"
    else:
        assert talk == ""
