"""Running the command line and the specimens the way a user does."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

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


def parity(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """Run the command line of this project."""
    return run([sys.executable, "-m", "parity.cli", *arguments], cwd=cwd, PYTHONPATH=str(ROOT))
