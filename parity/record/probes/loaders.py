"""Data loaders: what they are made of, how many batches they serve, their seeds, and the epochs of samplers."""

import weakref
from collections import Counter
from typing import Any, Final

from .calls import Family

CHANNELS: Final = ("loader_epoch", "loader_option", "loader_batches", "loader_seed", "sampler_epoch")
SEAM: Final = (
    "patch of DataLoader.__iter__, of __next__ of its iterators, and of set_epoch of samplers; the iterator that the "
    "program gets is the one that torch made"
)
BLIND: Final = "loaders that are no torch DataLoader; what workers do; batches served after the last update"
_OPTIONS: Final = ("num_workers", "pin_memory", "prefetch_factor", "persistent_workers")


class Labels:
    """Loaders by number, in the order in which they are first iterated."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Any], str]] = {}
        self._count = 0

    def of(self, loader: Any) -> str:
        """The label of ``loader``."""
        entry = self._known.get(id(loader))
        if entry is None or entry[0]() is not loader:
            entry = self._known[id(loader)] = (weakref.ref(loader), f"loader {self._count}")
            self._count += 1
        return entry[1]


def install(listener: Any) -> None:
    """Observe every start of an iteration, and at each update the batches served since the one before."""
    from torch.utils.data import DataLoader, Sampler
    from torch.utils.data.dataloader import _BaseDataLoaderIter

    labels = Labels()
    iterators: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
    served: Counter[str] = Counter()
    told_of: set[str] = set()

    def begins(iterator: Any, loader: Any) -> None:
        listener.site("loader")
        label = iterators[iterator] = labels.of(loader)
        listener.observe("loader_epoch", _describe(loader), label)
        listener.observe("loader_seed", iterator._base_seed, label)
        if label not in told_of:
            told_of.add(label)
            for option in _OPTIONS:
                listener.observe("loader_option", str(vars(loader).get(option)), f"{label}: {option}")

    def serve(iterator: Any) -> None:
        served[iterators.get(iterator, "unknown loader")] += 1

    def total() -> None:
        for label, number in sorted(served.items()):
            listener.observe("loader_batches", number, label)
        served.clear()

    def epoch(sampler: str, number: Any) -> None:
        listener.site("sampler")
        listener.observe("sampler_epoch", number, sampler)

    def told(sampler: Any, *args: Any, **kwargs: Any) -> None:
        listener.emit("sampler_epoch", type(sampler).__name__, *args, *kwargs.values())

    Family(listener.patches).hear(DataLoader, "__iter__", after=lambda *args: listener.emit("loader_iterated", *args))
    Family(listener.patches).hear(
        _BaseDataLoaderIter, "__next__", after=lambda _, iterator: listener.emit("batch_served", iterator)
    )
    Family(listener.patches).hear_overrides(Sampler, "set_epoch", before=told)
    listener.on("loader_iterated", "loaders", begins)
    listener.on("batch_served", "loaders", serve)
    listener.on("sampler_epoch", "loaders", epoch)
    listener.on("first_step_begins", "loaders", total)


def _describe(loader: Any) -> str:
    """What torch itself keeps about ``loader``; only torch's own samplers are asked for a length."""
    held = vars(loader)
    sampler = held.get("sampler")
    own = type(sampler).__module__.startswith("torch.utils.data")
    parts = [type(sampler).__name__]
    if own and hasattr(type(sampler), "__len__"):
        parts.append(f"{len(sampler)} samples")
    parts.append(f"batch size {held.get('batch_size')}")
    parts.append(f"drop_last {held.get('drop_last')}")
    parts.append(f"{held.get('num_workers')} workers")
    if own and isinstance(vars(sampler).get("seed"), int):
        parts.append(f"sampler seeded {vars(sampler)['seed']}")
    generator = held.get("generator") or (vars(sampler).get("generator") if own else None)
    if generator is not None:
        parts.append(f"generator seeded {generator.initial_seed()}")
    return ", ".join(parts)
