"""Between two updates: what the model holds when it is first called after a step, for an evaluation or to train."""

from typing import Any

from ...trace.digests import digest_bytes, digest_tensor
from ..probes.samples import sample
from .forcing import put

CHANNELS = ("parameter_carried",)
_WIDTH = 8


def install(listener: Any, side: Any) -> None:
    """Meet all parameters and buffers before the first call of a model after a step, and before training goes on."""
    first: dict[str, int] = {}
    buffers = _Buffers()
    state = {"fresh": True, "training": True}

    def called(kind: str, *_: Any) -> None:
        if state["fresh"] or (kind == "training" and state["training"]):
            held = {name: (tensor, buffers.digest(name, tensor, listener)) for name, tensor in listener.roots.tensors()}
            if kind == "training":
                observe({name: digest for name, (_, digest) in held.items()})
            else:
                first.update({name: digest for name, (_, digest) in held.items()})
            state.update(fresh=False, training=kind != "training")
            for name, (tensor, digest) in held.items():
                key = f"carried/{kind}/{side.name(name)}"
                if put(tensor, side.meet("parameters", key, tensor, digest)):
                    _forget_change(listener, name, tensor)

    def observe(now: dict[str, int]) -> None:
        """The digest at the first look, and where that was at an evaluation and something changed since, of both.

        What the model holds at its very first call is initial, and observed as such.
        """
        for name, digest in now.items():
            before = first.get(name, digest)
            if before != digest:
                both = before.to_bytes(_WIDTH, "little") + digest.to_bytes(_WIDTH, "little")
                listener.observe("parameter_carried", digest_bytes(both), name)
            elif listener.update > 0:
                listener.observe("parameter_carried", digest, name)
        first.clear()

    def stepped(_: Any) -> None:
        state.update(fresh=True, training=True)

    listener.on("model_called", "follow", called)
    listener.on("step_ends", "follow", stepped)


class _Buffers:
    """Digests of buffers, made anew where one was written to: most are constants, and large."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[int, int, int], int]] = {}

    def digest(self, name: str, tensor: Any, listener: Any) -> int:
        if name not in listener.buffers or tensor.is_inference():
            return digest_tensor(tensor)
        mark = (id(tensor), tensor._version, sample(tensor))
        known = self._known.get(name)
        if known is None or known[0] != mark:
            known = self._known[name] = (mark, digest_tensor(tensor))
        return known[1]


def _forget_change(listener: Any, name: str, tensor: Any) -> None:
    """What we wrote is no change that the program made."""
    if listener.marks.get(name) is not None:
        version = 0 if tensor.is_inference() else tensor._version
        listener.marks[name] = version, sample(tensor)
