"""Calls of a model: what it is given, what it returns, and the gradient that comes back to what it returned."""

from collections import Counter
from typing import Any, Final

from ...trace.digests import digest_tensor
from ..probes.roots import inputs
from .chunks import Chunks
from .forcing import passing, substituted
from .generators import Generators

CHANNELS = ("output_content", "rng_left", "output_gradient", "eval_content", "eval_rng")
_MOST: Final = 4096
"""Elements of the largest output that is taken over: losses and other small results, not the logits."""
_LARGEST: Final = 1 << 26
_CONTENT: Final = {"training": "output_content", "eval": "eval_content"}


def install(listener: Any, side: Any) -> None:
    """Meet the inputs and generators before each call of a model, and the outputs and generators after it."""
    calls: Counter[str] = Counter()
    generators = Generators(side)
    chunks = Chunks(side)

    def begin() -> None:
        calls.clear()
        chunks.begin()

    def called(kind: str, model: Any, call: Any) -> None:
        key = f"{kind}/{calls[kind]}"
        replaced = {}
        for position, tensor in enumerate(inputs(model, call.args, call.kwargs)):
            if not tensor.requires_grad:
                value = chunks.meet(kind, calls[kind], position, tensor)
                if value is not None:
                    replaced[id(tensor)] = value
        if replaced:
            call.args, call.kwargs = substituted((call.args, call.kwargs), replaced)
        stood = generators.meet(f"rng/{key}/begins")
        if kind == "eval":
            _observe_generators(listener, "eval_rng", stood)

    def returned(kind: str, _: Any, call: Any) -> None:
        from torch.utils import _pytree

        key = f"{kind}/{calls[kind]}"
        calls[kind] += 1
        leaves, form = _pytree.tree_flatten(call.output)
        met = [_meet_output(listener, side, kind, f"{key}/{at}", at, leaf) for at, leaf in enumerate(leaves)]
        if any(one is not leaf for one, leaf in zip(met, leaves, strict=True)):
            call.output = _pytree.tree_unflatten(met, form)
        stood = generators.meet(f"rng/{key}/ends")
        _observe_generators(listener, "rng_left" if kind == "training" else "eval_rng", stood)

    def arrived(key: str, position: int, gradient: Any, found: list[Any]) -> None:
        digest = digest_tensor(gradient)
        listener.observe("output_gradient", digest, str(position))
        value = side.meet("output gradients", f"arrived/{key}", gradient, digest)
        if value is not None:
            found.append(value.clone())

    listener.on("update_begins", "follow", begin)
    listener.on("model_called", "follow", called)
    listener.on("model_returned", "follow", returned)
    listener.on("gradient_arrived", "follow", arrived)


def _observe_generators(listener: Any, channel: str, stood: dict[str, int]) -> None:
    for name, digest in stood.items():
        if name != "cuda" or digest:
            listener.observe(channel, digest, name)


def _meet_output(listener: Any, side: Any, kind: str, key: str, position: int, tensor: Any) -> Any:
    """The output as the program is to see it."""
    import torch

    if not isinstance(tensor, torch.Tensor) or tensor.nbytes > _LARGEST:
        return tensor
    digest = digest_tensor(tensor)
    listener.observe(_CONTENT[kind], digest, str(position))
    if tensor.numel() > _MOST:
        return tensor
    value = side.meet("outputs" if kind == "training" else "evaluation outputs", f"output/{key}", tensor, digest)
    shown = tensor if value is None else passing(tensor, value)
    if kind == "training" and shown.requires_grad:
        _watch(listener, shown, key, position)
    return shown


def _watch(listener: Any, tensor: Any, key: str, position: int) -> None:
    """Tell of the gradient that arrives at ``tensor``; whoever listens may put another in its place."""
    update = listener.update

    def hook(gradient: Any) -> Any:
        found: list[Any] = []
        # A graph that outlives its update is none of the present one.
        if listener.update == update:
            with listener.lent():
                listener.emit("gradient_arrived", key, position, gradient, found)
        return found[0] if found else None

    tensor.register_hook(hook)
