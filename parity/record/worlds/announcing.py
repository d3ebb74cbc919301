"""Inside a rank: says in the shared table where it is in its training, and what it is about to wait for.

An attachment; see ``parity.record.attachments``. Loaded inside recorded programs: the standard library, and torch.
"""

import faulthandler
import functools
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from .process_groups import announce
from .table import Slot

_NAME: Final = "worlds.announcing"
TELL: Final = getattr(signal, "SIGRTMIN", signal.SIGTERM) + 5
"""The signal at which a rank writes its stack to its standard error: programs and libraries leave it alone."""
_RECENT: Final = 16
_SAME_SIZE: Final = frozenset({"all_reduce", "broadcast", "reduce", "all_gather", "all_gather_into_tensor"})
_PHASES: Final = {
    "update_begins": "data",
    "training_forward": "forward",
    "backward_begins": "backward",
    "first_step_begins": "step",
    "step_ends": "after the step",
    "eval_forward": "evaluation",
    "saved": "checkpoint",
}
_GATHERING: Final = ("init_process_group", "new_group")


def describe(options: Mapping[str, Any]) -> str:  # noqa: ARG001
    """What this changes in the program: the order of nothing, the values of nothing."""
    return "every rank announces what it waits for"


def install(listener: Any, options: Mapping[str, Any]) -> None:
    """Announce positions, exceptions, the groups' operations, and the making of groups."""
    import torch

    if not torch.distributed.is_available():
        return
    speaker = Speaker(Slot(options["table"], int(os.environ["RANK"])), listener)
    for event, phase in _PHASES.items():
        listener.on(event, _NAME, functools.partial(speaker.enter, phase))
    listener.on("uncaught", _NAME, speaker.fails)
    listener.on("finish", _NAME, speaker.finishes)
    faulthandler.register(TELL, file=2)
    announce(speaker)
    for name in _GATHERING:
        _announce_gathering(name, speaker)


def _announce_gathering(name: str, speaker: "Speaker") -> None:
    """All ranks make a group together, and wait for one another while they do."""
    import torch.distributed

    public: Any = torch.distributed
    original = getattr(public, name)

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        if name == "init_process_group":
            speaker.begin(kwargs.get("world_size", args[3] if len(args) > 3 else None))
        if not speaker.of_all_ranks or kwargs.get("use_local_synchronization"):  # then only members take part
            return original(*args, **kwargs)
        with speaker.waiting(speaker.gather(name)):
            return original(*args, **kwargs)

    for module in (public, public.distributed_c10d):
        setattr(module, name, call)


class Speaker:
    """What this rank has said. Several threads may speak: autograd, data loaders, the program's own."""

    def __init__(self, slot: Slot, listener: Any) -> None:
        self._slot = slot
        self._listener = listener
        self._lock = threading.Lock()
        self._size = int(os.environ.get("WORLD_SIZE", "1"))
        self._begun = 0
        self.of_all_ranks = True
        self._issued: dict[str, list[Any]] = {}
        self._state: dict[str, Any] = {"update": -1, "phase": "setup", "issued": self._issued, "waits": None}
        self._say()

    def _say(self, **changed: Any) -> None:
        with self._lock:
            self._state.update(changed)
            if "finished" not in self._state:  # what concerns the run as a whole belongs to no update
                self._state["update"] = self._listener.update
            self._slot.write(self._state)

    def enter(self, phase: str, *_: Any) -> None:
        """The training has reached ``phase``."""
        self._say(phase=phase)

    def fails(self, kind: Any, error: Any, *_: Any) -> None:
        """An exception ends the program. The clock is the same for all processes of a machine."""
        lines = str(error).splitlines() or [""]
        self._say(failed=time.monotonic(), error=f"{kind.__name__}: {lines[0]}")

    def finishes(self, *_: Any) -> None:
        """The trace of this rank is complete."""
        self._say(finished=True)

    def begin(self, size: int | None) -> None:
        """A world begins, of ``size`` ranks where the program says so. One of fewer ranks is left alone.

        Who belongs to it nobody can tell, and it has names for its groups that another one has too.
        """
        self.of_all_ranks = size in (None, -1, self._size)
        self._begun += self.of_all_ranks

    def gather(self, operation: str) -> dict[str, Any]:
        """Take part in the making of a group, which concerns all ranks."""
        return self._take_part(operation, "", list(range(self._size)), operation)

    def issue(self, group: Any, operation: str, arguments: dict[Any, Any]) -> dict[str, Any] | None:
        """Take part in an operation of ``group``; None, for good, where that cannot be said."""
        if not self.of_all_ranks:
            return None
        try:
            return self._occasion(group, operation, arguments)
        except Exception as error:
            self._listener.switch_off(_NAME, error)
            return None

    def _occasion(self, group: Any, operation: str, arguments: dict[Any, Any]) -> dict[str, Any]:
        members = _ranks_of(group)
        label = operation
        key = f"{self._begun}:{group.group_name}"  # the groups of a later world have the names of an earlier one's
        if operation in ("send", "recv"):
            return self._pass(operation, key, members, group, arguments)
        if operation in _SAME_SIZE:
            label = f"{operation} of {_bytes(arguments.get(0), arguments.get(1), operation):,} bytes"
        return self._take_part(label, key, members, operation)

    def _pass(
        self, operation: str, key: str, members: list[int], group: Any, arguments: dict[Any, Any]
    ) -> dict[str, Any]:
        """Sending and receiving are one operation of two ranks: each message counts on both sides."""
        me = members[group.rank()]
        given = [one for position, one in arguments.items() if position != 0]
        if len(given) < 2:  # a receiver that takes what comes first
            return {"key": "", "ranks": [one for one in members if one != me], "any": True, **self._told("recv")}
        other = members[given[0]]
        source, target = (me, other) if operation == "send" else (other, me)
        label = f"send to rank {other}" if operation == "send" else f"recv from rank {other}"
        return self._take_part(label, f"{key}:{source}>{target}:{given[1]}", sorted((me, other)), "")

    def _take_part(self, label: str, key: str, ranks: list[int], operation: str) -> dict[str, Any]:
        told = self._told(label)
        number, recent = self._issued.setdefault(key, [0, []])
        if operation:
            recent = [*recent[1 - _RECENT :], [number, label, told["site"]]]
        self._issued[key] = [number + 1, recent]
        self._say()
        return {"key": key, "number": number, "ranks": ranks, **told}

    def _told(self, label: str) -> dict[str, Any]:
        return {"label": label, "site": self._listener.places.line()}

    @contextmanager
    def waiting(self, occasion: dict[str, Any] | None) -> Iterator[None]:
        """Say that this rank waits; an error out of a wait is somebody else's doing."""
        if occasion is None:
            yield
            return
        before = self._state["waits"]
        self._say(waits=occasion)
        try:
            yield
        except Exception:
            self._say(waits=before, broken=occasion)
            raise
        self._say(waits=before)


def _ranks_of(group: Any) -> list[int]:
    """Ranks in the world of the members of a group; while it is being made, it is the first one, of all ranks."""
    import torch.distributed

    try:
        return list(torch.distributed.get_process_group_ranks(group))
    except (KeyError, RuntimeError, ValueError):
        return list(range(group.size()))


def _bytes(first: Any, second: Any, operation: str) -> int:
    """Size of what each rank has to bring in equal amounts."""
    given = second if operation.startswith("all_gather") else first
    tensors = given if isinstance(given, (list, tuple)) else [given]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors if not tensor.is_sparse)
