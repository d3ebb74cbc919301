"""Inputs of micro-steps, also where the two programs cut the same data into micro-steps of another size."""

from collections import Counter
from math import prod
from typing import Any

from ...trace.digests import digest_bytes, digest_tensor
from ..probes.roots import kind_of


class Chunks:
    """Meets the inputs of one update. Training inputs of another size are read as pieces of the reference's stream."""

    def __init__(self, side: Any) -> None:
        self._side = side
        self._taken: Counter[int] = Counter()

    def begin(self) -> None:
        """A new update."""
        self._taken.clear()

    def meet(self, kind: str, ordinal: int, position: int, tensor: Any) -> Any:
        """The reference's input in place of ``tensor``, or None where it is the same, or none can be had."""
        key = f"input/{kind}/{position}/{ordinal}"
        start = self._taken[position]
        if kind == "training":
            self._taken[position] += tensor.nbytes
        streamed = self._streamed(kind, position, tensor, start)
        if streamed is not None:
            return streamed if digest_tensor(streamed) != digest_tensor(tensor) else None
        what = "inputs" if kind == "training" else "evaluation inputs"
        value = self._side.meet(what, key, tensor, digest_tensor(tensor))
        return None if value is None else value.clone()

    def _streamed(self, kind: str, position: int, tensor: Any, start: int) -> Any:
        """The piece of the reference's stream that belongs here; None where its micro-steps have the same size."""
        facts = getattr(self._side, "facts", None)
        if kind != "training" or facts is None:
            return None
        held = facts(f"input/training/{position}/")
        kinds = {fact.kind for fact in held.values()}
        if len(kinds) != 1 or kinds == {kind_of(tensor)}:
            return None
        dtype, _, shape = next(iter(kinds)).partition("[")
        ours = [int(one) for one in shape.rstrip("]").split(",") if one.strip()]
        same = kind_of(tensor).startswith(f"{dtype}[") and ours[1:] == list(tensor.shape[1:])
        whole = b"".join(bytes(piece) for piece in self._side.pieces(held))
        if not same or not prod(ours) or start + tensor.nbytes > len(whole):
            return None
        from .follower import as_tensor

        piece = memoryview(bytearray(whole[start : start + tensor.nbytes]))
        if digest_bytes(piece) != digest_tensor(tensor):
            self._side.count("inputs")
        return as_tensor(piece, tensor)
