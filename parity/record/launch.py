"""Running one command under the recorder: the program sees its own arguments, streams, signals and exit status."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from parity.record.commands import across_ranks, check_command, split_command
from parity.record.places import whole_path
from parity.trace.store import write_manifest
from parity.trace.wire import SUFFIX

_PACKAGE: Final = Path(__file__).resolve().parent.parent
_BOOT: Final = _PACKAGE / "record" / "boot"
_VARIABLE: Final = "PARITY_RECORD"
_POLL_SECONDS: Final = 0.1
_TAIL_LINES: Final = 40


@dataclass(frozen=True, kw_only=True)
class Recording:
    """How a program is recorded.

    ``level`` is ``scalars`` or ``digest``; ``updates`` ends the program after so many optimizer steps; ``seed`` is
    given to torch, numpy and random before user code; ``world`` runs the command as so many ranks; ``without`` names
    probes to leave out; ``out`` is the directory that the program writes to and ``shared`` one that both sides read, so
    that paths can be compared.
    """

    level: str = "digest"
    updates: int | None = None
    seed: int | None = None
    world: int = 1
    deterministic: bool = False
    without: tuple[str, ...] = ()
    out: Path | None = None
    shared: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def neutral_paths(self) -> dict[str, str]:
        """Placeholders for directories that differ from run to run."""
        paths = {"{out}": self.out, "{shared}": self.shared}
        return {str(path.resolve()): placeholder for placeholder, path in paths.items() if path is not None}

    def interventions(self) -> list[str]:
        """What this recording changes in the program, in words."""
        done = []
        if self.updates is not None:
            done.append(f"stopped after {self.updates} updates")
        if self.seed is not None:
            done.append(f"seeded torch, numpy and random with {self.seed} before user code")
        if self.deterministic:
            done.append("deterministic algorithms switched on")
        if self.world > 1:
            done.append(f"started as {self.world} ranks through torchrun")
        done += [f"{name}={value} in the environment" for name, value in sorted(self.environment.items())]
        return done


Tick = Callable[[Path], None]


def record(
    command: str | list[str],
    trace: Path,
    recording: Recording,
    *,
    directory: Path | None = None,
    streams: bool = True,
    tick: Tick | None = None,
) -> int:
    """Run ``command`` and leave its trace in the directory ``trace``; return its exit status, negative for a signal.

    With ``streams`` the program keeps the standard streams of this process; without, its output goes to ``stdout.txt``
    and ``stderr.txt`` in ``trace``. ``tick`` is called with ``trace`` every tenth of a second while the program runs.

    Raises:
        UsageError: the command cannot be run or recorded.
    """
    words = split_command(command)
    here = (directory or Path.cwd()).resolve()
    check_command(words, here)
    launched = across_ranks(words, recording.world) if recording.world > 1 else words
    trace = trace.resolve()
    trace.mkdir(parents=True, exist_ok=True)
    for stale in (*trace.glob(f"*{SUFFIX}"), *trace.glob("recorder-failure-*.txt")):
        stale.unlink()
    manifest: dict[str, Any] = {
        "command": _neutral(shlex.join(words), recording),
        "argv": [_neutral(word, recording) for word in launched],
        "interventions": recording.interventions(),
        "level": recording.level,
        "seed": recording.seed,
        "updates_limit": recording.updates,
        "world": recording.world,
        "without": list(recording.without),
        "exit_status": None,
    }
    write_manifest(trace, manifest)
    status = _run(launched, here, trace, _environment(recording, trace), streams=streams, tick=tick)
    write_manifest(trace, {**manifest, "exit_status": status, **_failures(trace, status, recording, here)})
    return status


def _environment(recording: Recording, trace: Path) -> dict[str, str]:
    settings = {
        "directory": str(trace),
        "package": str(_PACKAGE),
        "level": recording.level,
        "updates": recording.updates,
        "seed": recording.seed,
        "deterministic": recording.deterministic,
        "without": list(recording.without),
        "neutral": recording.neutral_paths(),
    }
    environment = {**os.environ, **recording.environment, _VARIABLE: json.dumps(settings)}
    path = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = os.pathsep.join([str(_BOOT), *([path] if path else [])])
    if recording.seed is not None:
        environment.setdefault("PYTHONHASHSEED", str(recording.seed))
    if recording.world > 1:
        environment.setdefault("OMP_NUM_THREADS", "1")
    return environment


def _run(
    words: list[str], here: Path, trace: Path, environment: dict[str, str], *, streams: bool, tick: Tick | None
) -> int:
    if streams:
        return _wait(subprocess.Popen(words, cwd=here, env=environment), trace, tick)
    with (trace / "stdout.txt").open("wb") as out, (trace / "stderr.txt").open("wb") as err:
        process = subprocess.Popen(
            words, cwd=here, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
        )
        return _wait(process, trace, tick)


def _wait(process: subprocess.Popen[bytes], trace: Path, tick: Tick | None) -> int:
    """Wait for the program; an interrupt of ours is passed on and the program is given time to end by itself."""
    while True:
        try:
            if tick is None:
                return process.wait()
            while process.poll() is None:
                tick(trace)
                time.sleep(_POLL_SECONDS)
            return process.returncode
        except KeyboardInterrupt:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            raise


def _neutral(text: str, recording: Recording) -> str:
    for path, placeholder in recording.neutral_paths().items():
        text = whole_path(path).sub(placeholder, text)
    return "python" if text == sys.executable else text.replace(f"{sys.executable} ", "python ")


def _failures(trace: Path, status: int, recording: Recording, here: Path) -> dict[str, Any]:
    """What the recorder or the program left to explain a failure."""
    found: dict[str, Any] = {}
    texts = [path.read_text(encoding="utf-8") for path in sorted(trace.glob("recorder-failure-*.txt"))]
    if texts:
        found["recorder_failures"] = texts
    errors = trace / "stderr.txt"
    if status != 0 and errors.is_file():
        text = errors.read_text(encoding="utf-8", errors="replace").strip()
        lines = _neutral(text, recording).replace(f"{here}{os.sep}", "").splitlines()
        found["last_error_line"] = lines[-1] if lines else ""
        found["traceback"] = "\n".join(lines[-_TAIL_LINES:])
    return found
