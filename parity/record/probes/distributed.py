"""Data-parallel training: how the model is wrapped, and which backward passes exchange gradients."""

import weakref
from typing import Any, Final

from .calls import Family

CHANNELS: Final = ("distributed_option", "gradient_syncs", "gradient_bytes", "no_sync")
SEAM: Final = (
    "patch of DistributedDataParallel.__init__ and no_sync; require_backward_grad_sync at each training forward"
)
BLIND: Final = (
    "the reductions themselves, which DDP does in C++: their bytes are those of the gradients it is in charge of, and "
    "a communication hook that packs them is only named; FSDP and other ways to spread a model"
)
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
    wrapped: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
    counts = {"gradient_syncs": 0, "gradient_bytes": 0, "no_sync": 0}

    def built(model: Any) -> None:
        listener.site("distributed")
        wrapped[model] = _exchanged(model)
        listener.observe("distributed_option", torch.distributed.get_backend(), "backend")
        for name in _OPTIONS:
            if name in vars(model):
                listener.observe("distributed_option", vars(model)[name], name)

    def forward(model: Any, *_: Any) -> None:
        inner = vars(model).get("_modules", {}).get("_orig_mod") or model
        if inner in wrapped and inner.require_backward_grad_sync:
            counts["gradient_syncs"] += 1
            counts["gradient_bytes"] += wrapped[inner]

    def packed(hook: Any) -> None:
        listener.observe("distributed_option", getattr(hook, "__qualname__", type(hook).__qualname__), "comm_hook")

    def no_sync() -> None:
        listener.site("no_sync")
        counts["no_sync"] += 1

    def total() -> None:
        for channel in counts if wrapped else ():
            if channel == "no_sync" or listener.has("forward"):
                listener.observe(channel, counts[channel])
            counts[channel] = 0

    def replicated(_: Any, model: Any, *__: Any, **___: Any) -> None:
        listener.emit("replicated", model)

    def hooked(_: Any, __: Any, *given: Any, **named: Any) -> None:
        listener.emit("communication_hook", {"hook": given[-1] if given else None, **named}["hook"])

    family = Family(listener.patches)
    family.hear(wrapper, "__init__", after=replicated)
    family.hear(wrapper, "register_comm_hook", after=hooked)
    family.hear(wrapper, "no_sync", before=lambda *_: listener.emit("no_sync"))
    listener.on("replicated", "distributed", built)
    listener.on("communication_hook", "distributed", packed)
    listener.on("training_forward", "distributed", forward)
    listener.on("no_sync", "distributed", no_sync)
    listener.on("first_step_begins", "distributed", total)


def _exchanged(model: Any) -> int:
    """Bytes of the gradients that every rank brings in when they are exchanged once."""
    left_out = getattr(model, "parameters_to_ignore", ())
    return sum(
        parameter.numel() * parameter.element_size()
        for name, parameter in model.module.named_parameters()
        if parameter.requires_grad and name not in left_out
    )
