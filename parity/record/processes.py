"""Starting a program and waiting for it; how it is started is up to a launcher."""

import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

_POLL_SECONDS: Final = 0.1
_GRACE_SECONDS: Final = 30.0


@dataclass(frozen=True, kw_only=True)
class Program:
    """A command that is complete; ``output`` are files for what it prints and complains, None leaves it our streams."""

    words: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str]
    output: tuple[int, int] | None = None


class Process(Protocol):
    """What is needed of a running program; ``subprocess.Popen`` has it."""

    def poll(self) -> int | None:
        """The exit status, or None while the program runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit status, negative for a signal; ``subprocess.TimeoutExpired`` after ``timeout`` seconds."""

    def send_signal(self, sig: int) -> None:
        """Send a signal to a program that still runs."""

    def kill(self) -> None:
        """End the program at once."""


Launcher = Callable[[Program], Process]


def start_fresh(program: Program) -> Process:
    """Start a process of its own. With files for its output it reads nothing, and our terminal cannot interrupt it."""
    if program.output is None:
        return subprocess.Popen(program.words, cwd=program.directory, env=program.environment)
    return subprocess.Popen(
        program.words,
        cwd=program.directory,
        env=program.environment,
        stdin=subprocess.DEVNULL,
        stdout=program.output[0],
        stderr=program.output[1],
        start_new_session=True,
    )


def wait(process: Process, tick: Callable[[], None] | None) -> int:
    """Wait for the program; an interrupt of ours is passed on and the program is given time to end by itself."""
    while True:
        try:
            while tick is not None and process.poll() is None:
                tick()
                _pause(process, _POLL_SECONDS)
            return process.wait()
        except KeyboardInterrupt:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            if not _pause(process, _GRACE_SECONDS):
                process.kill()
                process.wait()
            raise


def _pause(process: Process, seconds: float) -> bool:
    """Wait no longer than ``seconds``; whether the program has ended."""
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
