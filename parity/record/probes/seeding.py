"""Seeds: which generator the program seeds, with what, and when."""

import numbers
from typing import Any, Final

from .calls import Family

CHANNELS: Final = ("seeding",)
SEAM: Final = "patch of the seeding functions of torch, torch.cuda, random and numpy.random"
BLIND: Final = (
    "torch.Generator.manual_seed, which cannot be patched (a loader's generator is in loader_epoch); generator objects "
    "of numpy and random; states put back with set_rng_state: channel rng shows what all of them lead to"
)


def install(listener: Any) -> None:
    """Observe every call with its seed; seeding that one function does through another counts once."""
    import random

    import torch

    family = Family(listener.patches)

    def hear(owner: Any, name: str, said: str) -> None:
        family.hear(owner, name, before=lambda *args, **kwargs: listener.emit("seeded", said, args, kwargs))

    def observe(said: str, args: Any, kwargs: Any) -> None:
        listener.site("seeding")
        given = next(iter((*args, *kwargs.values())), None)
        listener.observe("seeding", _text(given), said)

    def numpy_random(module: Any) -> None:
        hear(module, "seed", "numpy.random.seed")
        hear(module, "default_rng", "numpy.random.default_rng")

    for owner, package, names in (
        (torch.random, torch, ("manual_seed",)),
        (torch.cuda.random, torch.cuda, ("manual_seed", "manual_seed_all")),
    ):
        for name in names:
            hear(owner, name, f"{package.__name__}.{name}")
            listener.patches.put(package, name, getattr(owner, name))
    hear(random, "seed", "random.seed")
    listener.imports.after("numpy.random", "seeding", numpy_random)
    listener.on("seeded", "seeding", observe)


def _text(seed: Any) -> str:
    if isinstance(seed, numbers.Integral):
        return str(int(seed))
    return repr(seed)[:100] if isinstance(seed, (float, str, bytes, type(None))) else type(seed).__name__
