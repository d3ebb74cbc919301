"""What a loss is measured against: targets that the program gives to a loss function and never to a model.

The node that autograd keeps for a loss holds its target. Looking there sees ``torch.nn.functional`` and the modules
over it alike, patches nothing and leaves the graphs of torch.compile alone.
"""

from collections.abc import Iterator
from typing import Any, Final

from ...trace.device_digests import digest_soon
from .roots import kind_of

CHANNELS: Final = ("target", "target_shape", "loss_dtype")
SEAM: Final = "what is differentiated, and targets saved by the autograd nodes next to it"
BLIND: Final = "losses composed of elementary operations (L1, soft labels), losses inside compiled functions"
_NODES: Final = 12


def install(listener: Any) -> None:
    """Observe the targets of every micro-step when its backward begins."""
    import torch

    dtypes: list[str] = []

    def observe(tensors: Any) -> None:
        losses = [tensors] if isinstance(tensors, torch.Tensor) else list(tensors)
        scaled, listener.scaled_dtype = listener.scaled_dtype, None
        dtype = ", ".join(dict.fromkeys(str(scaled or loss.dtype).removeprefix("torch.") for loss in losses))
        if dtypes[-1:] != [dtype]:
            dtypes[:] = [dtype]
            listener.observe("loss_dtype", dtype)
        for position, target in enumerate(targets(losses)):
            listener.observe("target_shape", kind_of(target), str(position))
            listener.observe("target", digest_soon(target), str(position))

    listener.on("backward_begins", "losses", observe)


def targets(losses: list[Any]) -> Iterator[Any]:
    """Targets within a few nodes of the losses, breadth first.

    What a hook has packed away is left alone: to unpack it may cost, or compute a checkpointed region again.
    """
    nodes = [loss.grad_fn for loss in losses if getattr(loss, "grad_fn", None) is not None]
    for at in range(_NODES):
        if at >= len(nodes):
            return
        node = nodes[at]
        target = _saved_target(node)
        if target is not None:
            yield target
            continue
        for following, _ in node.next_functions:
            # A loss may be reached in several ways, as in loss + loss ** 2: it still has one target.
            if following is not None and following not in nodes:
                nodes.append(following)


def _saved_target(node: Any) -> Any:
    try:
        saved = getattr(node, "_raw_saved_target", None)
    except RuntimeError:
        # Freed by an earlier backward: the program is about to hear of it, or does not need it.
        return None
    return getattr(saved, "data", None) if getattr(saved, "unpack_hook", saved) is None else None
