"""A verb whose output nobody reads any more ends as other Unix programs do."""

import os
import signal
import subprocess
import sys

import pytest

from parity.cli import main
from parity.errors import INTERNAL

PARITY = [sys.executable, "-m", "parity.cli"]


@pytest.mark.parametrize(
    ("words", "closed"), [(["help"], "stdout"), (["help", "no-such-slug"], "stderr"), (["lint", "nowhere"], "stderr")]
)
def test_a_closed_pipe_ends_quietly(words: list[str], closed: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, closed: writing}
    done = subprocess.run([*PARITY, *words], **streams, check=False, text=True)
    os.close(writing)
    assert (done.returncode, done.stdout or "", done.stderr or "") == (-signal.SIGPIPE, "", "")


def test_a_broken_pipe_of_our_own_is_still_an_internal_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise BrokenPipeError(32, "a server that is gone")

    monkeypatch.setattr("parity.errors.errors", broken)
    monkeypatch.setattr("parity.verbs.help.errors", broken)
    with pytest.raises(SystemExit) as ended:
        main(["help"])
    assert ended.value.code == INTERNAL
    assert "internal error" in capsys.readouterr().err
