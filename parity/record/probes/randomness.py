"""Where the random number generators stand at every training forward, and in which phases they are used."""

import ctypes
import sys
from array import array
from collections.abc import Callable
from typing import Any, Final

from ...trace.digests import digest_bytes, digest_tensor
from .calls import Family

CHANNELS: Final = ("rng", "rng_consumed", "eval_draws")
SEAM: Final = (
    "public state getters of torch, numpy and random; nothing is drawn; patch of torch.set_rng_state and its like of "
    "torch.cuda, which put back what an evaluation has drawn"
)
BLIND: Final = (
    "private generators, generators inside data loader workers; rng_consumed tells of torch's global generators only, "
    "and not of what follows the last update; eval_draws too"
)
UNMOVED: Final = 0
_OUTSIDE: Final = "outside the model"
_FORWARD: Final = "training forward"
_EVALUATION: Final = "evaluation forward"
_MT19937_BYTES: Final = 625 * 4
_SEEDED: Final = {
    "torch.manual_seed": ("torch", "cuda"),
    "torch.cuda.manual_seed": ("cuda",),
    "torch.cuda.manual_seed_all": ("cuda",),
    "random.seed": ("random",),
    "numpy.random.seed": ("numpy",),
}


def install(listener: Any) -> None:
    """Observe the global generators; one that nobody used since the start reads 0, whatever its seed.

    A block of code may begin with the very state that it then seeds, left by the block before it: seeding is use there.
    """
    start = {name: state() for name, state in GENERATORS.items()}
    used: set[str] = set()
    moved = dict.fromkeys((_OUTSIDE, _FORWARD, _EVALUATION), False)
    last = [_torch_states()]

    def mark(phase: str, now: tuple[int, int]) -> None:
        moved[phase] |= now != last[0]
        last[0] = now

    def observe(*_: Any) -> None:
        states = {name: state() for name, state in GENERATORS.items()}
        for name, now in states.items():
            if start[name] == UNMOVED:
                start[name] = now
            if name == "cuda" and now == UNMOVED:
                continue
            if now != start[name]:
                used.add(name)
            listener.observe("rng", now if name in used else UNMOVED, name)
        mark(_OUTSIDE, (states["torch"], states["cuda"]))

    def total() -> None:
        for phase in moved:
            # What happens before the first forward is initialisation and seeding.
            if listener.has("forward") and (listener.update > 0 or phase != _OUTSIDE):
                listener.observe("rng_consumed", int(moved[phase]), phase)
            moved[phase] = False

    if listener.settings.get("block"):
        listener.on("seeded", "randomness", lambda said, *_: used.update(_SEEDED.get(said, ())))
        listener.on("generators_set", "randomness", lambda *_: used.update(("torch", "cuda")))
    listener.on("training_forward", "randomness", observe)
    listener.on("training_output", "randomness", lambda *_: mark(_FORWARD, _torch_states()))
    listener.on("eval_forward", "randomness", lambda *_: mark(_OUTSIDE, _torch_states()))
    listener.on("eval_output", "randomness", lambda *_: mark(_EVALUATION, _torch_states()))
    listener.on("first_step_begins", "randomness", total)
    _listen_for_evaluations(listener)


def _listen_for_evaluations(listener: Any) -> None:
    """Compare torch's generators before and after an evaluation, from the switch to eval() on, at the next training."""
    import torch

    before: list[tuple[int, int]] = []
    after: dict[str, tuple[int, int]] = {}

    def switched(_: str, given: tuple[Any, ...]) -> None:
        if given and not given[0] and not after:
            before[:] = [_torch_states()]

    def begins(*_: Any) -> None:
        if not before:
            before[:] = [_torch_states()]

    def ends(model: Any, _: Any) -> None:
        after[listener.roots.prefix(model)] = _torch_states()

    def restored() -> None:
        for prefix in after:
            after[prefix] = before[0]

    def close(*_: Any) -> None:
        for prefix, state in after.items():
            listener.observe("eval_draws", int(state != before[0]), prefix)
        before.clear()
        after.clear()

    family = Family(listener.patches)
    for owner, name in ((torch, "set_rng_state"), (torch.cuda, "set_rng_state"), (torch.cuda, "set_rng_state_all")):
        family.hear(owner, name, after=lambda *_, **__: listener.emit("generators_set"))
    listener.on("mode_switched", "randomness", switched)
    listener.on("eval_forward", "randomness", begins)
    listener.on("eval_output", "randomness", ends)
    listener.on("generators_set", "randomness", restored)
    listener.on("training_forward", "randomness", close)


def _torch_states() -> tuple[int, int]:
    return _torch_state(), _cuda_state()


def _torch_state() -> int:
    import torch

    return digest_tensor(torch.get_rng_state())


def _cuda_state() -> int:
    """Zero where the program does not use CUDA: asking would start it, and break a graph that is being captured."""
    import torch

    cuda: Any = torch.cuda
    if not cuda.is_initialized() or cuda.is_current_stream_capturing():
        return UNMOVED
    return digest_tensor(cuda.get_rng_state())


class _PythonState:
    """Digest of the state of ``random``, computed again only when its hash has changed."""

    def __init__(self) -> None:
        self._hash: int | None = None
        self._digest = UNMOVED

    def __call__(self) -> int:
        import random

        state = random.getstate()[1]
        if hash(state) != self._hash:
            self._hash, self._digest = hash(state), digest_bytes(array("I", state).tobytes())
        return self._digest


def _numpy_state() -> int:
    """Zero where the program has not imported numpy.random: asking would import it."""
    numpy_random: Any = sys.modules.get("numpy.random")
    if numpy_random is None:
        return UNMOVED
    generator = numpy_random.mtrand._rand._bit_generator
    if type(generator).__name__ == "MT19937":
        # Where numpy's documented ctypes interface points to: 624 words and a position. A copy costs 20 times more.
        return digest_bytes((ctypes.c_ubyte * _MT19937_BYTES).from_address(generator.ctypes.state_address))
    return digest_bytes(repr(sorted(generator.state["state"].items())).encode())


GENERATORS: Final[dict[str, Callable[[], int]]] = {
    "torch": _torch_state,
    "cuda": _cuda_state,
    "random": _PythonState(),
    "numpy": _numpy_state,
}
