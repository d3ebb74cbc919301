"""Collectives that the program issues itself: which, in what order, and how much they carry."""

from typing import Any, Final

from .calls import Family
from .roots import tensors_in

CHANNELS: Final = ("collective",)
SEAM: Final = "patch of the functions of torch.distributed, one that goes through another counts once"
BLIND: Final = "what DDP reduces in C++; collectives inside compiled graphs; the size of pickled objects reads 0"
_NAMES: Final = (
    "all_gather",
    "all_gather_coalesced",
    "all_gather_into_tensor",
    "all_gather_object",
    "all_reduce",
    "all_reduce_coalesced",
    "all_to_all",
    "all_to_all_single",
    "barrier",
    "batch_isend_irecv",
    "broadcast",
    "broadcast_object_list",
    "gather",
    "gather_object",
    "irecv",
    "isend",
    "monitored_barrier",
    "recv",
    "recv_object_list",
    "reduce",
    "reduce_scatter",
    "reduce_scatter_tensor",
    "scatter",
    "scatter_object_list",
    "send",
    "send_object_list",
)


def install(listener: Any) -> None:
    """Observe the bytes of all tensors given to each call, under the update in which it happens."""
    import torch

    if not torch.distributed.is_available():
        return
    public, module = torch.distributed, torch.distributed.distributed_c10d
    family = Family(listener.patches)

    def hear(name: str) -> None:
        family.hear(module, name, before=lambda *args, **kwargs: listener.emit("collective", name, args, kwargs))
        listener.patches.put(public, name, getattr(module, name))

    def observe(name: str, args: Any, kwargs: Any) -> None:
        listener.site("collective")
        size = sum(tensor.nbytes for tensor in tensors_in([*args, *kwargs.values()]))
        listener.observe("collective", size, name)

    for name in _NAMES:
        if hasattr(module, name):
            hear(name)
    listener.on("collective", "collectives", observe)
