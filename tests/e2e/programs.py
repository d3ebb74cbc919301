"""Running the command line and the specimens the way a user does."""

import os
import shlex
import signal
import subprocess
import sys
from contextlib import chdir, nullcontext
from pathlib import Path
from unittest.mock import patch

from click.testing import CliRunner

from parity.cli import main
from parity.record.warm import launcher
from tests.servers import SERVERS

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "tests" / "scripts"
TINY = SCRIPTS / "tiny.py"


def command(script: Path, *arguments: str) -> str:
    """The command line of a specimen."""
    return shlex.join([sys.executable, str(script), *arguments])


def run(words: list[str], *, cwd: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a program with one thread and wait for it."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(
        words,
        cwd=cwd,
        env=env,
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
        preexec_fn=_interruptible,
    )


def _interruptible() -> None:
    """Where these tests run in the background, interrupts are ignored, and children would inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def parity(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Call the command line of this project, which starts programs from the servers of all tests.

    What it starts with our own standard streams is not captured: that takes :func:`parity_process`.
    """
    runner = CliRunner(env={"OMP_NUM_THREADS": "1", **environment})
    with chdir(cwd), patch.object(launcher, "WarmLauncher", lambda: nullcontext(SERVERS)):
        done = runner.invoke(main, arguments)
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout_bytes, done.stderr_bytes)


def parity_process(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command line of this project in a process of its own."""
    words = [sys.executable, "-m", "parity.cli", *arguments]
    return run(words, cwd=cwd, **{"PYTHONPATH": str(ROOT), **environment})
