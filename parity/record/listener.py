"""The centre of a recorded process: turns what the probes see into observations, in order, and never disturbs.

Probes subscribe to events and report through :meth:`Listener.observe`. A probe that raises is switched off and noted in
the trace. The listener knows where in the training it is: an update begins with the first training forward or backward
after an optimizer step, and what follows a step, until then, still belongs to the update of that step.

A step that is still open (an optimizer that calls a closure) holds the update together, and so does a backward inside
which optimizers step. Where no step is seen, the end of an update is inferred: see the probe ``manual_updates``.

Loaded inside recorded programs: the standard library, and torch where it already is.
"""

import atexit
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ..trace.channels import CHANNELS, Kind
from ..trace.device_digests import Owed, OwedScalar, algorithm, digests_soon
from ..trace.digests import digest_tensor
from ..trace.wire import SUFFIX, Writer, float_bits
from .attachments import install as install_attachments
from .compilation import hide_recorder
from .imports import Imports
from .naming import Naming
from .patches import Patches
from .places import Places
from .stop import STOP

_EARLY_LIMIT: Final = 20_000
_MASK: Final = (1 << 64) - 1

Handler = Callable[..., Any]
is_compiling: Callable[[], bool] = getattr(getattr(sys.modules.get("torch"), "compiler", None), "is_compiling", bool)


class UpdateLimitReached(SystemExit):
    """Ends the program cleanly, with status 0, once the requested number of updates is done."""


class Listener:
    """Event hub, position in the training, and writer of one process's trace."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.level: str = settings.get("level", "digest")
        self.limit: int | None = settings.get("updates")
        self.places = Places(settings)
        self.patches = Patches()
        self.imports = Imports(self.switch_off)
        self.patches.afterwards(self.imports.stop)
        self._stop_file = os.path.join(settings["directory"], STOP)
        self.update = -1
        self.stepped = False
        self.in_backward = False
        self.busy = False
        self.sketching = False
        self.elsewhere = 0
        self.pid = os.getpid()
        self._handlers: dict[str, list[tuple[str, Handler]]] = {}
        self._writer: Writer | None = None
        self._early: list[tuple[int, str, str, Any]] = []
        self._early_notes: list[dict[str, Any]] = []
        self._owed: list[tuple[int, str, str, Owed]] = []
        self._thread: int | None = None
        self._open_steps: list[int] = []
        self._lending = threading.RLock()
        self._dead = False
        self.without = frozenset(settings.get("without", ()))
        # What one probe finds out and others use, as it is where that probe is left out.
        self.micro_steps = 0
        self.stale = 0
        self.steps = 0
        self.by_hand = False
        self.loss_scale: float | None = None
        self.scaled_dtype: Any = None
        self.buffers: dict[str, Any] = {}
        self.marks: dict[str, Any] = {}
        self._naming = Naming(self)
        self.roots = self._naming.roots
        self.parameter_name = self._naming.name
        self.refresh_parameters = self._naming.refresh
        self.on("update_begins", "stopping", self._look_for_stop)

    # -- events ------------------------------------------------------------------------------------------------------

    def on(self, event: str, probe: str, handler: Handler) -> None:
        """Call ``handler`` whenever ``event`` is emitted."""
        self._handlers.setdefault(event, []).append((probe, handler))

    def emit(self, event: str, *args: Any) -> None:
        """Tell all subscribers, ``busy`` meanwhile. Only the training thread is heard; an exception ends a probe.

        A function that torch.compile is inlining says nothing: it is traced, not run.
        """
        if is_compiling() or self._dead or (self._thread is not None and threading.get_ident() != self._thread):
            return
        handlers = self._handlers.get(event)
        if not handlers:
            return
        before, self.busy = self.busy, True
        try:
            for probe, handler in handlers:
                try:
                    handler(*args)
                except Exception as error:
                    self.switch_off(probe, error)
        finally:
            self.busy = before

    def quietly(self, probe: str, action: Handler, *args: Any) -> Any:
        """Return what ``action`` of ``probe`` returns; meanwhile, ``busy`` tells whoever watches operations.

        An exception switches the probe off and gives None.
        """
        before, self.busy = self.busy, True
        try:
            return action(*args)
        except Exception as error:
            self.switch_off(probe, error)
            return None
        finally:
            self.busy = before

    def switch_off(self, probe: str, error: Exception) -> None:
        """Stop listening through ``probe`` and say so in the trace."""
        for event, handlers in self._handlers.items():
            self._handlers[event] = [entry for entry in handlers if entry[0] != probe]
        from .probes import MODULES

        channels = list(getattr(MODULES.get(probe), "CHANNELS", ()))
        said = f"{type(error).__name__}: {error}"
        self.note({"probe": probe, "error": said, "update": self.update, "channels": channels})

    def has(self, *probes: str) -> bool:
        """Whether none of ``probes`` was left out: what is counted with their help would otherwise read zero."""
        return self.without.isdisjoint(probes)

    # -- position ----------------------------------------------------------------------------------------------------

    def training_event(self) -> bool:
        """A training forward or backward begins: open the file, and the next update after a step.

        Returns whether this is the thread that trains, which is the first one that does; others are counted.
        """
        if self._thread is None:
            self._thread = threading.get_ident()
        if self._dead:
            return False
        if threading.get_ident() != self._thread:
            self.elsewhere += 1
            return False
        self._open()
        self.settle()
        if (self.stepped and not self._open_steps) or self.update < 0:
            self.emit("update_ends")
            self.flush()
            self.update += 1
            self.stepped = False
            self.emit("update_begins")
        return True

    def settle(self) -> None:
        """Something else than a step begins: if parameters were changed by hand, the update ended with that."""
        if self.update >= 0 and not self.stepped and not self._open_steps:
            self.emit("settle")

    def step_opens(self, optimizer: int, *, closure: bool) -> None:
        """An optimizer's step begins; one with a closure computes its own gradients, so its update begins with it.

        A step that ended in an exception is closed when its optimizer, or an outer one, steps again.
        """
        if optimizer in self._open_steps:
            del self._open_steps[self._open_steps.index(optimizer) :]
        if self.update < 0 or (closure and self.stepped):
            self.training_event()
        self._open_steps.append(optimizer)

    def step_closes(self, optimizer: int) -> None:
        """An optimizer's step is complete."""
        if optimizer in self._open_steps:
            del self._open_steps[self._open_steps.index(optimizer) :]
        self.step_done()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Hear this thread while the training thread waits in a backward: autograd runs hooks in threads of its own."""
        if not self.in_backward or threading.get_ident() == self._thread:
            yield
            return
        with self._lending:
            owner, self._thread = self._thread, threading.get_ident()
            try:
                yield
            finally:
                self._thread = owner

    def may_be_by_hand(self) -> bool:
        """Whether parameters may be updated by something else than an optimizer whose steps are seen."""
        return self.by_hand or self.steps == 0

    def _look_for_stop(self) -> None:
        """Take over the limit that a watching process has set: all ranks find it before any of them reaches it."""
        if os.access(self._stop_file, os.F_OK):
            self.limit = int(Path(self._stop_file).read_text(encoding="ascii"))

    @property
    def completed(self) -> int:
        """Number of updates that are done."""
        return self.update + 1 if self.stepped else max(self.update, 0)

    def check_limit(self) -> None:
        """End the program when the requested number of updates is complete.

        Raises:
            UpdateLimitReached: a SystemExit with status 0.
        """
        if self.limit is None or self._dead or self._open_steps:
            return
        self.settle()
        if self.stepped and self.completed >= self.limit:
            self.note({"stopped": f"after {self.completed} updates, as requested"})
            raise UpdateLimitReached(0)

    def step_done(self) -> None:
        """An optimizer step, or one that the loss scaler skipped, is complete."""
        self.stepped = True
        if not self.in_backward:
            self.flush()

    # -- observations ------------------------------------------------------------------------------------------------

    def observe(self, channel: str, value: Any, name: str = "") -> None:
        """Record ``value`` in ``channel`` under the current update; one that a device owes, once that is complete.

        Reading it at once would make the program wait for the device.
        """
        if isinstance(value, Owed):
            self._owed.append((self.update, channel, name, value))
            return
        if self._writer is None:
            if len(self._early) < _EARLY_LIMIT:
                self._early.append((self.update, channel, name, value))
            return
        self._write(self._writer, self.update, channel, name, value)

    def observe_tensor(self, channel: str, tensor: Any, name: str = "") -> None:
        """Record the digest of ``tensor``; where this update is sketched, tell of the tensor too."""
        if tensor.is_cuda:
            self.observe_tensors([(channel, tensor, name)])
            return
        self.observe(channel, digest_tensor(tensor), name)
        if self.sketching:
            self.emit("tensor", channel, tensor, name)

    def observe_tensors(self, tensors: list[tuple[str, Any, str]]) -> list[Any]:
        """Record the digests of ``(channel, tensor, name)``, for which a device is then asked once; return them."""
        digests = digests_soon(tensor for _, tensor, _ in tensors)
        for (channel, tensor, name), digest in zip(tensors, digests, strict=True):
            self.observe(channel, digest, name)
            if self.sketching:
                self.emit("tensor", channel, tensor, name)
        return digests

    def observe_scalar(self, channel: str, tensor: Any, name: str = "", *, divisor: float = 1.0) -> None:
        """Record the value of a one-element tensor over ``divisor``."""
        tensor = tensor.detach()
        value = tensor.item() / divisor if tensor.device.type == "cpu" else OwedScalar(tensor, divisor)
        self.observe(channel, value, name)

    def note(self, content: dict[str, Any]) -> None:
        """Say something about the recording itself."""
        if self._dead:
            return
        if self._writer is None:
            self._early_notes.append(content)
        else:
            self._writer.note(content)

    def site(self, thing: str) -> None:
        """Record which line of the program does ``thing``, the first time only."""
        place = self.places.first_site(thing)
        if place is not None:
            self.observe("call_site", place, thing)

    def flush(self) -> None:
        """Write what devices owe and hand everything to the operating system."""
        if self._writer is None or self._dead:
            return
        owed, self._owed = self._owed, []
        try:
            for update, channel, name, value in owed:
                self._write(self._writer, update, channel, name, value)
        except RuntimeError as error:
            # The device has failed, which the program is about to hear by itself.
            self.note({"blind": f"values that a device did not give: {error}"})
        try:
            self._writer.flush()
        except OSError as error:
            self._die(error)

    def finish(self) -> None:
        """Seal the trace at the end of the process."""
        if self._dead or os.getpid() != self.pid:
            return
        if self._writer is None and self.settings.get("child"):
            return
        self._open()
        # Whichever thread trained, this one speaks for the process now.
        self._thread = None
        self._open_steps.clear()
        self.settle()
        self.emit("update_ends")
        self.flush()
        if self.elsewhere:
            self.note({"blind": f"{self.elsewhere} forwards and backwards in threads beside the training thread"})
        # What concerns the run as a whole belongs to no update: both sides must find it in the same place.
        completed, self.update = self.completed, -1
        self.emit("finish", completed)
        self.flush()
        if self._writer is not None and not self._dead:
            try:
                self._writer.seal({"updates": completed})
            except OSError as error:
                self._die(error)
        self._dead = True

    def forget(self) -> None:
        """In a forked child: the file belongs to the parent."""
        self._dead = True

    # -- file --------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        if self._writer is not None or self._dead:
            return
        rank = int(os.environ.get("RANK", "0"))
        header = {
            "rank": rank,
            "world": int(os.environ.get("WORLD_SIZE", "1")),
            "pid": self.pid,
            "argv": [self.places.neutral(word) for word in sys.argv],
            "digest": algorithm(),
            "level": self.level,
        }
        self.path = Path(self.settings["directory"]) / f"rank{rank}-{self.pid}{SUFFIX}"
        try:
            self._writer = Writer(self.path, header)
        except OSError as error:
            self._die(error)
            return
        notes, self._early_notes = self._early_notes, []
        for content in notes:
            self._writer.note(content)
        early, self._early = self._early, []
        for update, channel, name, value in early:
            self._write(self._writer, update, channel, name, value)

    def _write(self, writer: Writer, update: int, channel: str, name: str, value: Any) -> None:
        kind = CHANNELS[channel].kind
        if kind is Kind.FLOAT:
            bits = float_bits(float(value))
        elif kind is Kind.TEXT:
            bits = writer.text(str(value))
        else:
            bits = int(value) & _MASK
        writer.observe(update, channel, name, bits)

    def _die(self, error: OSError) -> None:
        """The trace cannot be written any more: keep what there is and leave the program running."""
        self._dead = True
        stream = sys.__stderr__
        if stream is not None:
            stream.write(f"parity: recording stopped, the trace cannot be written ({error}); the program goes on\n")


def attach(settings: dict[str, Any]) -> Listener:
    """A listener with all probes, and what was asked for beside them, in place in this process."""
    from .probes import PROBES

    listener = Listener(settings)
    for name, probe in PROBES.items():
        if name not in listener.without:
            try:
                probe(listener)
            except Exception as error:
                listener.switch_off(name, error)
    install_attachments(listener, settings.get("attachments", {}))
    hide_recorder(__name__.rpartition(".record.")[0], Listener)
    return listener


def install(settings: dict[str, Any]) -> None:
    """Listen to this process until it ends."""
    import torch

    seed = settings.get("seed")
    if seed is not None:
        torch.manual_seed(seed)
    if settings.get("deterministic"):
        torch.use_deterministic_algorithms(mode=True)
    listener = attach(settings)
    atexit.register(listener.finish)
    os.register_at_fork(after_in_child=listener.forget)
