"""Recording a block of code in this very process: for tests of a loop, an optimizer, a schedule.

The same listener and probes as in a recorded program. They are put in place when the block begins, also under names
that other modules imported before, and taken out again when it ends, however it ends.
"""

import os
import random
import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parity.errors import UsageError
from parity.record.launch import Recording, beginning, settings
from parity.trace.manifest import make_run, write_manifest

if TYPE_CHECKING:
    from parity.record.listener import Listener
    from parity.trace.model import Trace

_listening: "list[Listener]" = []
_forgetting: list[bool] = []


@dataclass(frozen=True)
class Run:
    """A block of code that is being recorded, or was. ``directory`` is where its trace lies."""

    directory: Path

    @property
    def trace(self) -> "Trace":
        """What the block did, as any recorded program's."""
        from parity.trace.store import read_trace

        return read_trace(self.directory)


@contextmanager
def recording(
    directory: Path | str | None = None,
    *,
    level: str = "digest",
    updates: int | None = None,
    seed: int | None = None,
    sketch: str = "auto",
    out: Path | None = None,
    without: tuple[str, ...] = (),
) -> Iterator[Run]:
    """Record the block under ``with``; its trace is in ``directory``, or in one that is removed together with the run.

    The options are those of :class:`parity.record.launch.Recording`. After ``updates`` steps the block ends, as if it
    had come to its end; an exception of the block is recorded and goes on its way. With a ``seed``, the generators are
    not what they were afterwards.

    Raises:
        UsageError: another block of this process is being recorded.
        TraceUnwritableError: nothing can be written in ``directory``; then the block is not begun.
    """
    if _listening:
        message = "a block of this process is being recorded already: end it before the next one begins"
        raise UsageError(message)
    chosen = Recording(level=level, updates=updates, seed=seed, sketch=sketch, out=out, without=without)
    run = Run(_place(directory))
    if directory is None:
        weakref.finalize(run, shutil.rmtree, run.directory, ignore_errors=True)
    make_run(run.directory)
    _seed(seed)
    yield from _listened(run, chosen)


def _listened(run: Run, chosen: Recording) -> Iterator[Run]:
    import torch  # noqa: F401 - before the listener, which looks for it when it is imported

    from parity.record.listener import UpdateLimitReached, attach

    listener = attach({**settings(chosen, run.directory), "block": True})
    listener.patches.spread()
    place = listener.places.line() or "a block of code"
    manifest = {**beginning(place, [], chosen), "launch": "in this process"}
    _listening.append(listener)
    _forget_in_children()
    try:
        write_manifest(run.directory, manifest)
        yield run
        manifest["exit_status"] = 0
    except UpdateLimitReached:
        manifest["exit_status"] = 0
    except BaseException as error:
        manifest["exit_status"] = 1
        listener.emit("uncaught", type(error), error, error.__traceback__)
        raise
    finally:
        _listening.remove(listener)
        listener.finish()
        listener.patches.take_out()
        write_manifest(run.directory, manifest)


def _place(directory: Path | str | None) -> Path:
    return Path(tempfile.mkdtemp(prefix="parity-") if directory is None else directory).resolve()


def _seed(seed: int | None) -> None:
    """Seed whatever generator there is, before anybody listens: it is nothing that the block does."""
    if seed is None:
        return
    import torch

    torch.manual_seed(seed)
    random.seed(seed)
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed)


def _forget_in_children() -> None:
    """Say nothing in a forked child, such as a worker of a data loader: the trace belongs to this process."""
    if not _forgetting:
        _forgetting.append(True)
        os.register_at_fork(after_in_child=_forget)


def _forget() -> None:
    for listener in _listening:
        listener.forget()
    _listening.clear()
