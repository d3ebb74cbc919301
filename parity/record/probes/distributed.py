"""Data-parallel training: how the model is wrapped, and which backward passes exchange gradients."""

import weakref
from typing import Any, Final

from .calls import Family

CHANNELS: Final = ("distributed_option", "gradient_syncs", "no_sync")
SEAM: Final = (
    "patch of DistributedDataParallel.__init__ and no_sync; require_backward_grad_sync at each training forward"
)
BLIND: Final = "the reductions themselves, which DDP does in C++; FSDP and other ways to spread a model"
_OPTIONS: Final = (
    "forward_sync_buffers",  # what newer versions of torch call the next
    "broadcast_buffers",
    "bucket_bytes_cap",
    "find_unused_parameters",
    "gradient_as_bucket_view",
    "static_graph",
)


def install(listener: Any) -> None:
    """Observe the options of every wrapped model; count, per update, forwards that will exchange gradients."""
    import torch

    if not torch.distributed.is_available():
        return
    wrapper = torch.nn.parallel.DistributedDataParallel
    wrapped: weakref.WeakSet[Any] = weakref.WeakSet()
    counts = {"gradient_syncs": 0, "no_sync": 0}

    def built(model: Any) -> None:
        listener.site("distributed")
        wrapped.add(model)
        listener.observe("distributed_option", torch.distributed.get_backend(), "backend")
        for name in _OPTIONS:
            if name in vars(model):
                listener.observe("distributed_option", vars(model)[name], name)

    def forward(model: Any, *_: Any) -> None:
        inner = vars(model).get("_modules", {}).get("_orig_mod") or model
        counts["gradient_syncs"] += int(inner in wrapped and inner.require_backward_grad_sync)

    def no_sync() -> None:
        listener.site("no_sync")
        counts["no_sync"] += 1

    def total() -> None:
        for channel in counts if wrapped else ():
            listener.observe(channel, counts[channel])
            counts[channel] = 0

    def replicated(_: Any, model: Any, *__: Any, **___: Any) -> None:
        listener.emit("replicated", model)

    family = Family(listener.patches)
    family.hear(wrapper, "__init__", after=replicated)
    family.hear(wrapper, "no_sync", before=lambda *_: listener.emit("no_sync"))
    listener.on("replicated", "distributed", built)
    listener.on("training_forward", "distributed", forward)
    listener.on("no_sync", "distributed", no_sync)
    listener.on("first_step_begins", "distributed", total)
