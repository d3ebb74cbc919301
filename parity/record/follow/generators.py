"""The global random number generators as a boundary: where they stand, and setting them where the reference's stand."""

import pickle
import sys
from typing import Any, Final

from ..probes.randomness import GENERATORS, UNMOVED


class Generators:
    """Meets every generator that was used. Where an unused one stands may be the system's choice: no concern."""

    def __init__(self, side: Any) -> None:
        self._side = side
        self._start = {name: read() for name, read in GENERATORS.items()}

    def meet(self, key: str) -> dict[str, int]:
        """Judge and set all generators at the boundary ``key``; return where they stood."""
        found = {}
        for name, read in GENERATORS.items():
            now = read()
            if self._start[name] == UNMOVED:
                self._start[name] = now
            found[name] = UNMOVED if now == self._start[name] else now
            wanted = self._side.meet_state("generators", f"{key}/{name}", found[name], lambda name=name: _capture(name))
            if wanted is not None:
                _restore(name, pickle.loads(wanted))
        return found


def _capture(name: str) -> bytes:
    return pickle.dumps(_ACCESS[name][0]())


def _restore(name: str, state: Any) -> None:
    _ACCESS[name][1](state)


def _torch_get() -> Any:
    import torch

    return bytes(torch.get_rng_state().numpy().tobytes())


def _torch_set(state: bytes) -> None:
    import torch

    torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))


def _cuda_get() -> Any:
    import torch

    return bytes(torch.cuda.get_rng_state().numpy().tobytes())


def _cuda_set(state: bytes) -> None:
    import torch

    torch.cuda.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))


def _python_get() -> Any:
    import random

    return random.getstate()


def _python_set(state: Any) -> None:
    import random

    random.setstate(state)


def _numpy_get() -> Any:
    return sys.modules["numpy.random"].get_state(legacy=False)


def _numpy_set(state: Any) -> None:
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].set_state(state)


_ACCESS: Final[dict[str, tuple[Any, Any]]] = {
    "torch": (_torch_get, _torch_set),
    "cuda": (_cuda_get, _cuda_set),
    "random": (_python_get, _python_set),
    "numpy": (_numpy_get, _numpy_set),
}
