"""One process for all specimens of a worker that run without a recorder."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.programs import SCRIPTS

Bare = Callable[[tuple[str, ...], Path], tuple[int, bytes]]


@pytest.fixture(scope="session")
def bare() -> Iterator[Bare]:
    """Yield a function that runs a script with its arguments and returns its exit status and what it prints."""
    words = [sys.executable, str(Path(__file__).with_name("bare.py"))]
    with subprocess.Popen(words, cwd=SCRIPTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None

        def run(words: tuple[str, ...], place: Path) -> tuple[int, bytes]:
            streams = [place / "stdout.txt", place / "stderr.txt"]
            request = {"words": words, "streams": [str(path) for path in streams]}
            server.stdin.write(json.dumps(request) + "\n")
            server.stdin.flush()
            return int(server.stdout.readline()), streams[0].read_bytes()

        yield run
        server.stdin.close()
