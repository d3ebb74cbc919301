"""The live view: on a terminal, beside the program, never in its output."""

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

from tests.e2e.programs import ROOT, TINY, command


def on_a_terminal(words: list[str], cwd: Path) -> tuple[int, bytes, str]:
    """Run with standard error on a pseudo-terminal; return status, standard output, and what the terminal showed."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TERM": "xterm", "COLUMNS": "200"}
    process = subprocess.Popen(words, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=theirs, stdin=subprocess.DEVNULL)
    os.close(theirs)
    shown = b""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        ready, _, _ = select.select([ours], [], [], 0.2)
        try:
            shown += os.read(ours, 65536) if ready else b""
        except OSError:
            break
        if process.poll() is not None and not ready:
            break
    os.close(ours)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output, shown.decode(errors="replace")


def parity(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "parity.cli", *arguments]


def test_compare_shows_update_phase_and_loss_of_both_sides(tmp_path: Path) -> None:
    slow = command(TINY, "--pause=0.1", "--steps=8")
    status, output, shown = on_a_terminal(parity("compare", slow, slow, "--json"), tmp_path)
    assert status == 0
    assert output.startswith(b"{")
    for side in ("reference", "candidate"):
        assert f"compare/scratch: {side}, update" in shown
    assert ", loss " in shown


def test_record_shows_the_position_and_keeps_the_output_apart(tmp_path: Path) -> None:
    words = parity("record", "-o", "trace", "--live", "--", sys.executable, str(TINY), "--pause=0.1")
    status, output, shown = on_a_terminal(words, tmp_path)
    assert (status, output) == (0, b"")
    assert "update" in shown
    assert "loss" in shown
    assert (tmp_path / "trace/stdout.txt").read_text(encoding="utf-8").count("step ") == 6


def test_record_leaves_the_terminal_to_the_program_unless_asked(tmp_path: Path) -> None:
    words = parity("record", "-o", "trace", "--", sys.executable, str(TINY), "--steps=2")
    status, output, shown = on_a_terminal(words, tmp_path)
    bare = subprocess.run([sys.executable, str(TINY), "--steps=2"], capture_output=True, check=True, cwd=tmp_path)
    assert (status, output) == (0, bare.stdout)
    assert shown.startswith(bare.stderr.decode())
    assert "update" not in shown
