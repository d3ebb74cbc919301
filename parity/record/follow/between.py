"""Between two updates: what the model holds when it is first called after a step, for an evaluation or to train."""

from typing import Any, Final, NamedTuple

from ...trace.digests import digest_bytes, digest_tensor
from ..probes.samples import mark, sample
from .forcing import put

CHANNELS = ("parameter_carried",)
_WIDTH: Final = 8


def install(listener: Any, side: Any) -> None:
    """Meet all parameters and buffers before the first call of a model after a step, and before training goes on."""
    first: dict[str, _Look] = {}
    buffers = _Buffers()
    state = {"fresh": True, "training": True}

    def called(kind: str, *_: Any) -> None:
        if not state["fresh"] and not (kind == "training" and state["training"]):
            return
        state.update(fresh=False, training=kind != "training")
        looks = {}
        for name, tensor in listener.roots.tensors():
            own = left = buffers.digest(name, tensor, listener)
            if put(tensor, side.meet("parameters", f"carried/{kind}/{side.name(name)}", tensor, own)):
                _forget_change(listener, name, tensor)
                left = digest_tensor(tensor)
            looks[name] = _Look(own, left)
        if kind == "training":
            observe(looks)
        else:
            first.update(looks)

    def observe(looks: dict[str, _Look]) -> None:
        """What was found at the first look, and, where it changed between an evaluation and this, both.

        What the model holds at its very first call is initial, and observed as such.
        """
        for name, look in looks.items():
            before = first.get(name, _Look(look.own, look.own))
            if before.left != look.own:
                listener.observe("parameter_carried", _of_both(before.own, look.own), name)
            elif listener.update > 0:
                listener.observe("parameter_carried", before.own, name)
        first.clear()

    def stepped(_: Any) -> None:
        state.update(fresh=True, training=True)

    listener.on("model_called", "follow", called)
    listener.on("step_ends", "follow", stepped)


class _Look(NamedTuple):
    """Digests of what a program held itself, and of what it was left with."""

    own: int
    left: int


def _of_both(before: int, now: int) -> int:
    return digest_bytes(before.to_bytes(_WIDTH, "little") + now.to_bytes(_WIDTH, "little"))


class _Buffers:
    """Digests of buffers, made anew where one was written to: most are constants, and large."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[int, int, int], int]] = {}

    def digest(self, name: str, tensor: Any, listener: Any) -> int:
        if name not in listener.buffers or tensor.is_inference():
            return digest_tensor(tensor)
        seen = (id(tensor), tensor._version, sample(tensor))
        known = self._known.get(name)
        if known is None or known[0] != seen:
            known = self._known[name] = (seen, digest_tensor(tensor))
        return known[1]


def _forget_change(listener: Any, name: str, tensor: Any) -> None:
    """What we wrote is no change that the program made."""
    if listener.marks.get(name) is not None:
        listener.marks[name] = mark(tensor)
