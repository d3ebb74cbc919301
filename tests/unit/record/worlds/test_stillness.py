"""A program is ended when its files stand still, and left alone while one of them grows."""

import os
import signal
from pathlib import Path

import pytest

from parity.record.processes import Program, start_fresh, wait
from parity.record.worlds.stillness import Timed

GROWS = "for i in 1 2 3 4 5 6 7 8 9; do echo $i >> trace/rank0; sleep 0.2; done; exit 3"


def timed(script: str, place: Path, timeout: float) -> Timed:
    (place / "trace").mkdir()
    environment = {"PATH": os.environ["PATH"]}
    process = start_fresh(Program(words=("sh", "-c", script), directory=place, environment=environment))
    return Timed(process, place / "trace", timeout, None)


def test_what_stands_still_is_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert wait(timed("echo 1 > trace/rank0; exec sleep 60", tmp_path, 0.5), None) == 1
    assert "parity: no rank has recorded or printed anything for 0.5 s; all ranks were ended" in capsys.readouterr().err


def test_what_grows_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert wait(timed(GROWS, tmp_path, 1.2), None) == 3
    assert capsys.readouterr().err == ""


def test_what_ends_by_itself_keeps_its_status(tmp_path: Path) -> None:
    process = timed("exec sleep 60", tmp_path, 60)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == -signal.SIGTERM
    assert process.poll() == -signal.SIGTERM
