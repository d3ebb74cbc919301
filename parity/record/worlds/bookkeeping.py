"""Inside rank 0 of a world that does not exist: collectives return at once, and what they leave means nothing.

What a program does with its numbers is then of no account, but how it keeps its books is: updates, accumulation,
samples and tokens of each rank, learning rates, exchanges.

An attachment; see ``parity.record.attachments``. Loaded inside recorded programs: the standard library, and torch.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from .process_groups import fake_store


def describe(options: Mapping[str, Any]) -> str:
    """What this changes in the program."""
    return f"the other {options['world'] - 1} ranks do not exist: collectives do nothing (engine fake)"


def install(listener: Any, options: Mapping[str, Any]) -> None:  # noqa: ARG001
    """Give every process group the fake backend, and every replica a reduction that does nothing."""
    import torch

    if not torch.distributed.is_available():
        return
    public: Any = torch.distributed
    init, new_group = public.init_process_group, public.new_group

    @functools.wraps(init)
    def init_process_group(*_: Any, **__: Any) -> None:
        init("fake", store=fake_store(), rank=0, world_size=options["world"])

    @functools.wraps(new_group)
    def make_group(ranks: Any = None, *_: Any, **__: Any) -> Any:
        return new_group(ranks)

    _place("init_process_group", init_process_group)
    _place("new_group", make_group)
    _place("all_gather_object", lambda found, one, *_, **__: _fill(found, one))
    _place("gather_object", lambda one, found=None, *_, **__: _fill(found, one))
    _place(
        "scatter_object_list", lambda found, given=None, *_, **__: _fill(found[:1], (given or [None])[0], into=found)
    )
    _place("monitored_barrier", lambda *_, **__: None)
    _reduce_nothing(torch.nn.parallel.DistributedDataParallel)


def _place(name: str, function: Callable[..., Any]) -> None:
    import torch.distributed

    public: Any = torch.distributed
    for module in (public, public.distributed_c10d):
        setattr(module, name, function)


def _fill(found: Any, one: Any, into: Any = None) -> None:
    """Every other rank has given what this one gives."""
    if found is not None:
        target = found if into is None else into
        target[: len(found)] = [one] * len(found)


def _reduce_nothing(wrapper: Any) -> None:
    import torch

    original = wrapper.__init__
    register = wrapper.register_comm_hook

    def keep(_: Any, bucket: Any) -> Any:
        future: Any = torch.futures.Future()
        future.set_result(bucket.buffer())
        return future

    keep.__annotations__.clear()  # else torch insists on its own

    @functools.wraps(original)
    def build(model: Any, *args: Any, **kwargs: Any) -> None:
        original(model, *args, **kwargs)
        register(model, None, keep)

    wrapper.__init__ = build
    wrapper.register_comm_hook = lambda *_: None
