"""Process groups that say what they are asked to do before they do it. All private interfaces of torch are used here.

``_new_process_group_helper`` of ``torch.distributed.distributed_c10d`` makes every group by calling the name
``ProcessGroup`` in its module. A subclass put there is what DDP's reducer in C++, functional collectives and compiled
graphs call too. It keeps an ordinary group beside itself, with the same backends, and lets that one do the work: names,
backends, values and handles are therefore those of gloo. The backend ``fake`` is one that torch tests itself with.

Loaded inside recorded programs: the standard library, and torch.
"""

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

OPERATIONS: Final = {
    "allreduce": "all_reduce",
    "allreduce_coalesced": "all_reduce_coalesced",
    "broadcast": "broadcast",
    "reduce": "reduce",
    "allgather": "all_gather",
    "allgather_coalesced": "all_gather_coalesced",
    "allgather_into_tensor_coalesced": "all_gather_into_tensor_coalesced",
    "all_gather_single_coalesced": "all_gather_into_tensor_coalesced",
    "_allgather_base": "all_gather_into_tensor",
    "all_gather_single": "all_gather_into_tensor",
    "gather": "gather",
    "scatter": "scatter",
    "reduce_scatter": "reduce_scatter",
    "_reduce_scatter_base": "reduce_scatter_tensor",
    "reduce_scatter_single": "reduce_scatter_tensor",
    "reduce_scatter_tensor_coalesced": "reduce_scatter_tensor_coalesced",
    "reduce_scatter_single_coalesced": "reduce_scatter_tensor_coalesced",
    "alltoall": "all_to_all",
    "alltoall_base": "all_to_all_single",
    "all_to_all_single": "all_to_all_single",
    "send": "send",
    "recv": "recv",
    "recv_anysource": "recv",
    "barrier": "barrier",
    "monitored_barrier": "monitored_barrier",
}
"""Methods of a process group, of any version of torch, and the public function that each serves."""
_SET_ON_BOTH: Final = ("_set_default_backend", "_register_backend", "_set_group_name", "_set_group_desc")
_LEFT_TO_PLAIN: Final = ("get_group_store", "split_group", "merge_remote_group")
_MAKER: Final = "_new_process_group_helper"
_FORWARDED: Final = (
    "is_completed",
    "is_success",
    "exception",
    "get_future",
    "source_rank",
    "_source_rank",
    "result",
    "synchronize",
    "block_current_stream",
)


class Announcer(Protocol):
    """Who is told."""

    def issue(self, group: Any, operation: str, arguments: dict[Any, Any]) -> Any:
        """Say that this rank takes part in ``operation`` from now on; return what names this occasion."""

    def waiting(self, occasion: Any) -> AbstractContextManager[None]:
        """Say, while this context lasts, that this rank cannot go on before the others have come."""


def changes() -> list[str]:
    """What is not as it was when this was written, in words; nothing can be announced then."""
    from torch.distributed import distributed_c10d

    return list(_changes(distributed_c10d))


def fake_store() -> Any:
    """The store of a world that does not exist; its module registers the backend ``fake``."""
    from torch.testing._internal.distributed.fake_pg import FakeStore

    return FakeStore()


def _changes(module: Any) -> Iterator[str]:
    kind = getattr(module, "ProcessGroup", None)
    maker = getattr(module, _MAKER, None)
    if kind is None:
        yield "torch.distributed.distributed_c10d.ProcessGroup does not exist"
        return
    if maker is None or "ProcessGroup" not in inspect.unwrap(maker).__code__.co_names:
        yield f"torch.distributed.distributed_c10d.{_MAKER} does not make groups by the name ProcessGroup"
    for name in (*_SET_ON_BOTH, "group_name", "allreduce", "broadcast", "allgather", "barrier", "send", "recv"):
        if not hasattr(kind, name):
            yield f"ProcessGroup.{name} does not exist"
    try:
        type("Probe", (kind,), {"__init__": lambda self: kind.__init__(self, 0, 1)})()
    except TypeError as error:
        yield f"a subclass of ProcessGroup cannot be made from a rank and a size ({error})"


def announce(announcer: Announcer) -> None:
    """Let every group that is made from here on tell ``announcer`` what it is asked to do.

    Raises:
        RuntimeError: this version of torch makes groups in another way.
    """
    from torch.distributed import distributed_c10d

    changed = changes()
    if changed:
        message = f"waits cannot be announced: {'; '.join(changed)}"
        raise RuntimeError(message)
    module: Any = distributed_c10d
    module.ProcessGroup = _announcing(module.ProcessGroup, announcer)


def _announcing(base: Any, announcer: Announcer) -> Any:
    def __init__(self: Any, store: Any, rank: int, size: int) -> None:  # noqa: N807
        base.__init__(self, rank, size)
        self.plain = base(store, rank, size)

    def on_both(name: str) -> Callable[..., None]:
        def call(self: Any, *args: Any) -> None:
            getattr(base, name)(self, *args)
            getattr(self.plain, name)(*args)

        return call

    def left_to_plain(name: str) -> Callable[..., Any]:
        return lambda self, *args, **kwargs: getattr(self.plain, name)(*args, **kwargs)

    members: dict[str, Any] = {"__init__": __init__, "__module__": base.__module__, "__doc__": base.__doc__}
    members.update({name: on_both(name) for name in _SET_ON_BOTH})
    members.update({name: left_to_plain(name) for name in _LEFT_TO_PLAIN if hasattr(base, name)})
    handle = _handle(announcer)
    for name, operation in OPERATIONS.items():
        if hasattr(base, name):
            members[name] = _operation(name, operation, announcer, handle)
    return type(base.__name__, (base,), members)


def _operation(name: str, operation: str, announcer: Announcer, handle: Any) -> Callable[..., Any]:
    """A method that announces, and works on the plain group.

    What Python asks for waits in its handle. What C++ asks for is complete on return: how it waits cannot be seen.
    """

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        arguments: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
        occasion = announcer.issue(self, operation, arguments)
        perform = getattr(self.plain, name)
        from_python = sys._getframe(1).f_globals.get("__name__") == "torch.distributed.distributed_c10d"
        if from_python and name != "monitored_barrier":
            return handle(perform(*args, **kwargs), occasion)
        with announcer.waiting(occasion):
            work = perform(*args, **kwargs)
            if work is not None:
                work.wait()
            return work

    return call


def _handle(announcer: Announcer) -> Any:
    """The class of handles that announce when they are waited for, and are otherwise what gloo has given."""
    import torch.distributed

    class Work(torch.distributed.Work):  # type: ignore[misc, unused-ignore]
        def __init__(self, work: Any, occasion: Any) -> None:
            super().__init__()
            self.plain = work
            self.occasion = occasion

        def wait(self, *args: Any, **kwargs: Any) -> Any:
            with announcer.waiting(self.occasion):
                return self.plain.wait(*args, **kwargs)

    def forwarded(name: str) -> Callable[..., Any]:
        return lambda self, *args: getattr(self.plain, name)(*args)

    for name in _FORWARDED:
        if hasattr(torch.distributed.Work, name):
            setattr(Work, name, forwarded(name))
    return Work
