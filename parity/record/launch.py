"""Running one command under the recorder: the program sees its own arguments, streams, signals and exit status."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from parity.errors import TraceUnwritableError
from parity.record.attachments import describe
from parity.record.commands import check_command, check_sketches, split_command
from parity.record.places import whole_path
from parity.record.processes import Launcher, Process, Program, start_fresh, wait
from parity.record.worlds.device_shim import USED
from parity.record.worlds.engines import AUTO, ENGINES, Engine, World, choose, hidden_gpus
from parity.record.worlds.ranks import Ranks
from parity.record.worlds.stillness import Timed
from parity.trace.manifest import make_run, write_manifest

_PACKAGE: Final = Path(__file__).resolve().parent.parent
_BOOT: Final = _PACKAGE / "record" / "boot"
_VARIABLE: Final = "PARITY_RECORD"
_TAIL_LINES: Final = 40
_OF_FULL: Final[Mapping[str, Mapping[str, Any]]] = {"causality": {}}


@dataclass(frozen=True, kw_only=True)
class Recording:
    """How a program is recorded.

    ``level`` is ``scalars``, ``digest``, or ``full``, which is ``digest`` and the attachment ``causality``; ``sketch``
    says at which updates tensors are sketched; ``updates`` ends the program after so many optimizer steps; ``seed`` is
    given to torch, numpy and random before user code; ``world`` runs the command as so many ranks, through ``engine``,
    one of ``parity.record.worlds.engines``, which ends them when none has moved for ``timeout`` seconds; one rank is
    the plain command, or, with an engine named, a world of one; ``without`` names probes to leave out; ``out`` is the
    directory that the program writes to and ``shared`` one that both sides read, so that paths can be compared. With
    ``reads``, every process lists the files that it reads: see ``parity.record.reads``. ``attachments`` are modules of
    this package, by name with their options, that are installed beside the probes: see ``parity.record.attachments``.
    """

    level: str = "digest"
    sketch: str = "auto"
    updates: int | None = None
    seed: int | None = None
    world: int = 1
    engine: str = AUTO
    timeout: float = 1800.0
    deterministic: bool = False
    without: tuple[str, ...] = ()
    out: Path | None = None
    shared: Path | None = None
    reads: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    attachments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def neutral_paths(self) -> dict[str, str]:
        """Placeholders for directories that differ from run to run."""
        paths = {"{out}": self.out, "{shared}": self.shared}
        return {str(path.resolve()): placeholder for placeholder, path in paths.items() if path is not None}

    def attached(self) -> Mapping[str, Mapping[str, Any]]:
        """The attachments that are asked for, and those that belong to the level."""
        return {**_OF_FULL, **self.attachments} if self.level == "full" else self.attachments

    @property
    def as_ranks(self) -> bool:
        """Whether an engine starts the command."""
        return self.world > 1 or self.engine != AUTO

    def interventions(self) -> list[str]:
        """What this recording changes in the program, in words."""
        done = []
        if self.updates is not None:
            done.append(f"stopped after {self.updates} updates")
        if self.seed is not None:
            done.append(f"seeded torch, numpy and random with {self.seed} before user code")
        if self.deterministic:
            done.append("deterministic algorithms switched on")
        if self.engine != AUTO:
            done.append(ENGINES[self.engine].describe(self.world))
        done += [describe(name, options) for name, options in sorted(self.attached().items())]
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
    launcher: Launcher = start_fresh,
) -> int:
    """Run ``command`` and leave its trace in the directory ``trace``; return its exit status, negative for a signal.

    With ``streams`` the program keeps the standard streams of this process; without, its output goes to ``stdout.txt``
    and ``stderr.txt`` in ``trace``. ``tick`` is called with ``trace`` every tenth of a second while the program runs.
    ``launcher`` starts the program; the manifest says whether it did so in a process of its own.

    Raises:
        UsageError: the command cannot be run or recorded.
        TraceUnwritableError: nothing can be written in ``trace``; then the program is not started.
    """
    words = split_command(command)
    here = (directory or Path.cwd()).resolve()
    check_command(words, here)
    check_sketches(recording.sketch, recording.updates)
    trace = trace.resolve()
    engine, recording = _engine(recording, words)
    launched = engine.words(words, recording.world) if engine else words
    make_run(trace)
    manifest = beginning(shlex.join(words), launched, recording, engine)
    write_manifest(trace, manifest)
    program = Program(words=tuple(launched), directory=here, environment=_environment(recording, trace))
    if engine is not None:
        world = World(size=recording.world, trace=trace, timeout=recording.timeout)
        launcher = partial(engine.start, launcher, world)
    launch, status = _run(program, trace, launcher, streams=streams, tick=tick)
    ended = {"launch": launch, "exit_status": status, **_failures(trace, status, recording, here)}
    ended["interventions"] = [*recording.interventions(), *_mapped(trace)]
    try:
        write_manifest(trace, {**manifest, **ended})
    except TraceUnwritableError as error:
        # The program has run and its end is what counts; what was flushed stays readable where it still exists.
        sys.stderr.write(f"parity: the exit status is not recorded: {error}\n")
    return status


def _engine(recording: Recording, words: list[str]) -> tuple[Engine | None, Recording]:
    """The engine for ranks, chosen, and the recording with its name and what it needs in the environment."""
    if not recording.as_ranks:
        return None, recording
    given = {**os.environ, **recording.environment}
    engine = choose(recording.engine, words, recording.world, given)
    environment = {**recording.environment, **hidden_gpus(engine, recording.world, given)}
    return engine, replace(recording, engine=engine.name, environment=environment)


def beginning(command: str, launched: list[str], recording: Recording, engine: Engine | None = None) -> dict[str, Any]:
    """What is known of a run before it starts."""
    return {
        "command": _neutral(command, recording),
        "argv": [_neutral(word, recording) for word in launched],
        "interventions": recording.interventions(),
        "level": recording.level,
        "sketch": recording.sketch,
        "seed": recording.seed,
        "updates_limit": recording.updates,
        "world": recording.world,
        "engine": engine.name if engine else None,
        "without": list(recording.without),
        "exit_status": None,
    }


def _mapped(trace: Path) -> list[str]:
    """What a device shim has mapped in any rank."""
    texts = (path.read_text(encoding="utf-8") for path in trace.glob(USED))
    return sorted({f"without a GPU: {line}" for text in texts for line in text.splitlines()})


def settings(recording: Recording, trace: Path) -> dict[str, Any]:
    """What a listener is told that writes to the directory ``trace``."""
    return {
        "directory": str(trace),
        "package": str(_PACKAGE),
        "level": "digest" if recording.level == "full" else recording.level,
        "sketch": recording.sketch,
        "updates": recording.updates,
        "seed": recording.seed,
        "deterministic": recording.deterministic,
        "without": list(recording.without),
        "neutral": recording.neutral_paths(),
        "out": None if recording.out is None else str(recording.out.resolve()),
        "reads": recording.reads,
        "attachments": {**_needed(recording, trace), **recording.attached()},
    }


def _environment(recording: Recording, trace: Path) -> dict[str, str]:
    environment = {**os.environ, **recording.environment, _VARIABLE: json.dumps(settings(recording, trace))}
    path = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = os.pathsep.join([str(_BOOT), *([path] if path else [])])
    if recording.seed is not None:
        environment.setdefault("PYTHONHASHSEED", str(recording.seed))
    if recording.as_ranks:
        environment.setdefault("OMP_NUM_THREADS", "1")
    return environment


def _needed(recording: Recording, trace: Path) -> Mapping[str, Mapping[str, Any]]:
    return ENGINES[recording.engine].attachments(trace, recording.world) if recording.as_ranks else {}


def _run(program: Program, trace: Path, launcher: Launcher, *, streams: bool, tick: Tick | None) -> tuple[str, int]:
    """How the program was started, ``fresh`` or ``warm``, and its exit status."""
    with ExitStack() as files:
        if not streams:
            out, err = (files.enter_context((trace / name).open("wb")) for name in ("stdout.txt", "stderr.txt"))
            program = replace(program, output=(out.fileno(), err.fileno()))
        process = launcher(program)
        status = wait(process, (lambda: tick(trace)) if tick else None)
    return _start_of(process), status


def _start_of(process: Process) -> str:
    """``warm`` where anything of it was started in a copy of a server."""
    if isinstance(process, Timed):
        return _start_of(process.process)
    parts = process.processes if isinstance(process, Ranks) else (process,)
    return "fresh" if all(isinstance(one, subprocess.Popen) for one in parts) else "warm"


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
