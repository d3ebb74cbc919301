"""Lets a program that is written for GPUs run where there are none: cuda becomes cpu, nccl becomes gloo.

Nothing is replaced on a machine with an accelerator. Elsewhere only the doors through which a program reaches for a GPU
are watched (process groups, modules, ``torch.cuda``); what makes and moves tensors is replaced when it first has come
through one of them, so that a program that never does is left alone. ``torch.cuda.is_available`` stays honest. Each
mapping that was used is written down once, for the list of interventions.

An attachment; see ``parity.record.attachments``. Loaded inside recorded programs: the standard library, and torch.
"""

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

USED: Final = "mapped-rank*.txt"
_FACTORIES: Final = (
    *(
        "arange",
        "as_tensor",
        "empty",
        "empty_like",
        "empty_strided",
        "eye",
        "full",
        "full_like",
        "linspace",
        "logspace",
    ),
    *("ones", "ones_like", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "tensor"),
    *("tril_indices", "triu_indices", "zeros", "zeros_like"),
)


def describe(options: Mapping[str, Any]) -> str:  # noqa: ARG001
    """What this changes in a program that reaches for a GPU."""
    return "cuda mapped to cpu and nccl to gloo where there is no accelerator"


def install(listener: Any, options: Mapping[str, Any]) -> None:  # noqa: ARG001
    """Watch the doors, on a machine without an accelerator."""
    import torch

    if torch.accelerator.is_available() or torch.cuda.is_available():
        return
    shim = _Shim(listener.settings["directory"])
    shim.watch_modules()
    shim.watch_cuda()
    if torch.distributed.is_available():
        shim.watch_distributed()


class _Shim:
    """What has been mapped, and the functions that do it."""

    def __init__(self, directory: str) -> None:
        rank = os.environ.get("RANK", "0")
        self._file = os.path.join(directory, USED.replace("*", rank))
        self._used: set[str] = set()
        self._armed = False
        self._device = 0

    def mapped(self, what: str) -> None:
        """Write down a mapping the first time; from the first one on, tensors are mapped too."""
        if what not in self._used:
            self._used.add(what)
            with open(self._file, "a", encoding="utf-8") as file:
                file.write(f"{what}\n")
        if not self._armed:
            self._armed = True
            self._watch_tensors()
            self._stand_in_for_cuda()

    def _device_for(self, value: Any, where: str) -> Any:
        """``cpu`` for whatever means a GPU in the place of a device; anything else as it is."""
        import torch

        kind = value.type if isinstance(value, torch.device) else value
        number = isinstance(value, int) and not isinstance(value, bool)
        if number or (isinstance(kind, str) and kind.partition(":")[0] == "cuda"):
            self.mapped(f"{where} cuda -> cpu")
            return torch.device("cpu")
        return value

    def _moves(self, owner: Any, name: str, where: str) -> None:
        """Map the device among the arguments of a method that moves: the first one, or ``device``."""
        original = getattr(owner, name)

        @functools.wraps(original)
        def move(self_: Any, *args: Any, **kwargs: Any) -> Any:
            if args:
                args = (self._device_for(args[0], where), *args[1:])
            if "device" in kwargs:
                kwargs["device"] = self._device_for(kwargs["device"], where)
            return original(self_, *args, **kwargs)

        setattr(owner, name, move)

    def _stays(self, owner: Any, name: str, what: str) -> None:
        """A method that would take its object to a GPU returns it as it is."""
        original = getattr(owner, name)

        @functools.wraps(original)
        def stay(self_: Any, *_: Any, **__: Any) -> Any:
            self.mapped(what)
            return self_

        setattr(owner, name, stay)

    def _keyword(self, owner: Any, name: str, keyword: str, where: str) -> None:
        """Map the keyword argument of a function that takes a device."""
        original = getattr(owner, name)

        @functools.wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            if kwargs.get(keyword) is not None:
                kwargs[keyword] = self._device_for(kwargs[keyword], where)
            return original(*args, **kwargs)

        setattr(owner, name, call)

    def _instead(self, owner: Any, name: str, what: str, result: Callable[..., Any]) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def call(*args: Any, **_: Any) -> Any:
            self.mapped(what)
            return result(*args)

        setattr(owner, name, call)

    # -- doors -------------------------------------------------------------------------------------------------------

    def watch_modules(self) -> None:
        """``Module.to`` and ``.cuda()``, of modules and tensors."""
        import torch

        self._moves(torch.nn.Module, "to", "Module.to")
        self._stays(torch.nn.Module, "cuda", "Module.cuda() left out")
        self._stays(torch.Tensor, "cuda", "Tensor.cuda() left out")

    def watch_cuda(self) -> None:
        """The choice of a device, which usually comes first."""
        import torch

        def choose(device: Any = 0) -> None:
            index = torch.device(device).index if isinstance(device, str) else getattr(device, "index", device)
            self._device = index or 0

        self._instead(torch.cuda, "set_device", "torch.cuda.set_device left out", choose)

    def watch_distributed(self) -> None:
        """Backends of process groups, and the devices of replicas."""
        import torch.distributed

        public: Any = torch.distributed
        for name in ("init_process_group", "new_group"):
            call = self._with_gloo(getattr(public, name), position=0 if name == "init_process_group" else 2)
            for module in (public, public.distributed_c10d):
                setattr(module, name, call)
        wrapper: Any = torch.nn.parallel.DistributedDataParallel
        original = wrapper.__init__

        @functools.wraps(original)
        def build(model: Any, module: Any, *args: Any, **kwargs: Any) -> None:
            given = [*args[:2], kwargs.pop("device_ids", None), kwargs.pop("output_device", None)]
            if any(one is not None for one in given):
                self.mapped("DistributedDataParallel(device_ids, output_device) left out")
            original(model, module, *[None for _ in args[:2]], *args[2:], **kwargs)

        wrapper.__init__ = build

    def _with_gloo(self, original: Any, *, position: int) -> Any:
        @functools.wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            given = list(args)
            backend = given[position] if len(given) > position else kwargs.get("backend")
            if isinstance(backend, str) and "nccl" in backend.lower():
                self.mapped(f"backend {backend} -> gloo")
                if len(given) > position:
                    given[position] = "gloo"
                else:
                    kwargs["backend"] = "gloo"
            if kwargs.get("device_id") is not None:
                kwargs["device_id"] = None
            return original(*given, **kwargs)

        return call

    # -- behind the doors --------------------------------------------------------------------------------------------

    def _watch_tensors(self) -> None:
        import torch

        self._moves(torch.Tensor, "to", "Tensor.to")
        self._stays(torch.Tensor, "pin_memory", "Tensor.pin_memory() left out")
        for name in _FACTORIES:
            self._keyword(torch, name, "device", f"torch.{name}")
        self._keyword(torch, "load", "map_location", "torch.load")

    def _stand_in_for_cuda(self) -> None:
        import torch

        ranks = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        self._instead(torch.cuda, "current_device", "torch.cuda.current_device answered", lambda *_: self._device)
        self._instead(torch.cuda, "device_count", f"torch.cuda.device_count answered with {ranks}", lambda *_: ranks)
        self._instead(torch.cuda, "synchronize", "torch.cuda.synchronize left out", lambda *_: None)
