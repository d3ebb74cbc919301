"""Engines: how one command becomes several ranks. One table, one interface, one choice."""

import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from parity.errors import UsageError
from parity.record.commands import across_ranks, is_python
from parity.record.processes import Launcher, Process, Program
from parity.record.worlds.places import rank_environment
from parity.record.worlds.ranks import Ranks, Watched
from parity.record.worlds.stillness import Timed
from parity.record.worlds.table import Table

AUTO: Final = "auto"
FAKE: Final = "fake"
_SHIM: Final = "worlds.device_shim"
_TABLE: Final = "ranks.table"
_VISIBLE: Final = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, kw_only=True)
class World:
    """So many ranks, which leave their traces in the directory ``trace``; without progress they end after seconds."""

    size: int
    trace: Path
    timeout: float


Start = Callable[[Launcher, World, Program], Process]


def _as_they_are(words: Sequence[str], world: int) -> list[str]:  # noqa: ARG001
    return list(words)


def _through_another(launcher: Launcher, world: World, program: Program) -> Process:
    """One process that starts the ranks itself, so that they are watched from afar."""
    errors = program.output[1] if program.output is not None else None
    return Timed(launcher(program), world.trace, world.timeout, errors)


def _only_first(launcher: Launcher, world: World, program: Program) -> Process:
    environment = {**program.environment, **rank_environment(0, world.size, 0)}
    return launcher(replace(program, environment=environment))


def _apart(launcher: Launcher, world: World, program: Program) -> Process:
    """A process for each rank. Rank 0 has the output of the program, the others have files of their own."""
    held = socket.socket()
    # Bound, it is nobody else's; not listening, it lets rank 0 listen there.
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("", 0))
    errors = program.output[1] if program.output is not None else None
    table = Table(str(world.trace / _TABLE), world.size)
    processes: list[Process] = []
    try:
        for rank in range(world.size):
            environment = {**program.environment, **rank_environment(rank, world.size, held.getsockname()[1])}
            with ExitStack() as files:
                output = program.output
                if rank > 0:
                    names = (f"stdout-rank{rank}.txt", f"stderr-rank{rank}.txt")
                    out, err = (files.enter_context((world.trace / name).open("wb")) for name in names)
                    output = (out.fileno(), err.fileno())
                processes.append(launcher(replace(program, environment=environment, output=output)))
    except BaseException:
        for process in processes:
            process.kill()
        held.close()
        table.close()
        raise
    watched = Watched(table=table, trace=world.trace, errors=errors, timeout=world.timeout, port=held)
    return Ranks(processes, watched)


def _announcing(trace: Path) -> dict[str, dict[str, Any]]:
    table = {"table": str(trace / _TABLE)}
    return {_SHIM: {}, "worlds.endings": table, "worlds.announcing": table}


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A way to start ranks.

    ``words`` makes the command that is started; ``start`` starts it; ``attachments`` are what it needs inside the
    program, given the directory of the trace; ``on_cpus``, it runs all ranks where there are too few GPUs for them;
    ``description`` completes "started as N ...".
    """

    name: str
    description: str
    start: Start
    words: Callable[[Sequence[str], int], list[str]] = _as_they_are
    on_cpus: bool = False
    attachments: Callable[[Path, int], Mapping[str, Mapping[str, Any]]] = field(default=lambda _, __: {_SHIM: {}})

    def describe(self, world: int) -> str:
        """What this engine does with the program, for the list of interventions."""
        return f"started as {world} {self.description if world > 1 else self.description.replace('ranks', 'rank', 1)}"


ENGINES: Final = {
    engine.name: engine
    for engine in (
        Engine(
            name="baton",
            description="ranks, each a process that announces what it waits for, over gloo (engine baton)",
            start=_apart,
            on_cpus=True,
            attachments=lambda trace, _: _announcing(trace),
        ),
        Engine(
            name="gloo",
            description="ranks through torchrun",
            start=_through_another,
            words=across_ranks,
            on_cpus=True,
        ),
        Engine(
            name=FAKE,
            description="ranks of which only rank 0 exists: bookkeeping, no numbers (engine fake)",
            start=_only_first,
            attachments=lambda _, world: {_SHIM: {}, "worlds.bookkeeping": {"world": world}},
        ),
        Engine(
            name="nccl",
            description="ranks through torchrun, one GPU each (engine nccl)",
            start=_through_another,
            words=across_ranks,
            attachments=lambda _, __: {},
        ),
    )
}
NAMES: Final = (AUTO, *ENGINES)


def choose(name: str, words: Sequence[str], world: int, environment: Mapping[str, str]) -> Engine:
    """The engine of that name; ``auto`` is nccl with enough GPUs, else baton where processes can be watched, else gloo.

    Raises:
        UsageError: there is no such engine, or not what it needs.
    """
    gpus = count_gpus(_devices(), environment.get(_VISIBLE))
    if name == AUTO:
        if gpus >= world:
            return ENGINES["nccl"]
        return ENGINES["baton" if sys.platform == "linux" and _is_program(words) else "gloo"]
    if name not in ENGINES:
        message = f"no engine is called {name!r}; expected one of {', '.join(NAMES)}"
        raise UsageError(message)
    if name == "nccl" and gpus < world:
        message = f"--engine nccl needs a GPU for each of {world} ranks, and finds {gpus}; use --engine baton or gloo"
        raise UsageError(message)
    return ENGINES[name]


def hidden_gpus(engine: Engine, world: int, environment: Mapping[str, str]) -> dict[str, str]:
    """What keeps ranks off GPUs that do not suffice: a program takes one for each, or none where it sees none."""
    too_few = 0 < count_gpus(_devices(), environment.get(_VISIBLE)) < world
    return {_VISIBLE: ""} if engine.on_cpus and too_few else {}


def count_gpus(devices: Sequence[str], visible: str | None) -> int:
    """How many of the GPUs with these device files a program may use; ``visible`` is CUDA_VISIBLE_DEVICES."""
    found = sum(name.removeprefix("nvidia").isdecimal() for name in devices)
    if visible is None:
        return found
    chosen: list[str] = []
    for one in visible.split(","):
        if not one.strip() or one.strip() == "-1":
            break
        chosen.append(one)
    return min(found, len(chosen))


def _devices() -> list[str]:
    place = Path("/dev")
    return [path.name for path in place.iterdir()] if place.is_dir() else []


def _is_program(words: Sequence[str]) -> bool:
    return is_python(words[0]) and "torch.distributed.run" not in words
