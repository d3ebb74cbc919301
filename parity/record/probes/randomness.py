"""Where the random number generators stand at every training forward."""

import sys
from array import array
from typing import Any, Final

from ...trace.digests import digest_bytes, digest_tensor

CHANNELS: Final = ("rng",)
SEAM: Final = "public state getters of torch, numpy and random; nothing is drawn"
BLIND: Final = "private generators, generators inside data loader workers"
_UNMOVED: Final = 0


def install(listener: Any) -> None:
    """Observe the global generators; one that nobody used since the start reads 0, whatever its seed."""
    start = {name: state() for name, state in _GENERATORS.items()}

    def observe(*_: Any) -> None:
        for name, state in _GENERATORS.items():
            now = state()
            if start[name] == _UNMOVED:
                start[name] = now
            listener.observe("rng", _UNMOVED if now == start[name] else now, name)

    listener.on("training_forward", "randomness", observe)


def _torch_state() -> int:
    import torch

    return digest_tensor(torch.get_rng_state())


def _python_state() -> int:
    import random

    return digest_bytes(array("I", random.getstate()[1]).tobytes())


def _numpy_state() -> int:
    """Zero where the program has not imported numpy.random: asking would import it."""
    numpy_random: Any = sys.modules.get("numpy.random")
    if numpy_random is None:
        return _UNMOVED
    state = numpy_random.get_state(legacy=False)
    inner = state["state"]
    if "key" not in inner:
        return digest_bytes(repr(sorted(inner.items())).encode())
    return digest_bytes(inner["key"].tobytes() + int(inner["pos"]).to_bytes(4, "little"))


_GENERATORS: Final = {"torch": _torch_state, "random": _python_state, "numpy": _numpy_state}
