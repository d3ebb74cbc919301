"""Options that are read and then forgotten: what was asked for, and what the run is made of."""

from collections.abc import Iterator
from typing import Final

from parity.invariants.model import Found, Invariant, Unseen, Violation, violation
from parity.invariants.reading import is_data_parallel, texts
from parity.trace.model import Process, Trace

_YES, _NO = "True", "False"
_LOADING: Final = frozenset({"num_workers", "pin_memory", "prefetch_factor", "persistent_workers"})
_WORLD: Final = "world_size"
_SPREAD: Final = frozenset({"distributed", "ddp", "use_ddp"})


def _loaded(trace: Trace) -> Iterator[Found]:
    asked = False
    for process in trace.processes:
        loaders = _loaders(process)
        has_gpu = ("cuda", _YES) in texts(process, "environment")
        for key, wanted in _wishes(process, _LOADING):
            asked = True
            option = _plain(key)
            given = [str(one.get(option)) for one in loaders if _can_follow(option, wanted, one, has_gpu=has_gpu)]
            if given and not any(_follows(option, wanted, value) for value in given):
                shown = ", ".join(dict.fromkeys(given))
                observed = f"{wanted} asked for, {shown} in the data loaders"
                yield violation("config", key, process.rank, -1, observed, f"a data loader with {wanted}")
    if not asked:
        yield Unseen("the configuration names no option of data loaders")


def _loaders(process: Process) -> list[dict[str, str]]:
    """The options of each loader."""
    found: dict[str, dict[str, str]] = {}
    for name, text in texts(process, "loader_option"):
        label, _, option = name.partition(": ")
        found.setdefault(label, {})[option] = text
    return list(found.values())


def _can_follow(option: str, wanted: str, loader: dict[str, str], *, has_gpu: bool) -> bool:
    """Whether a loader could do what is asked for; without workers, or without a GPU, some things are left out."""
    if option in ("prefetch_factor", "persistent_workers"):
        return loader.get("num_workers") != "0" and wanted != "None"
    return option != "pin_memory" or wanted == _NO or has_gpu


def _follows(option: str, wanted: str, given: str) -> bool:
    """Whether the loader has what is asked for; of workers, any number but none may be fewer on a small machine."""
    return (given == "0") == (wanted == "0") if option == "num_workers" else given == wanted


def _spread(trace: Trace) -> Iterator[Found]:
    """A configuration that says nothing of ranks leaves their number to who starts the program."""
    for process in trace.processes:
        for key, wanted in _wishes(process, {_WORLD, *_SPREAD}):
            found = _of_world(trace, process, key, wanted)
            if found is not None:
                yield found


def _of_world(trace: Trace, process: Process, key: str, wanted: str) -> Violation | None:
    if _plain(key) == _WORLD:
        if not wanted.isdecimal() or int(wanted) <= 1 or int(wanted) == trace.world:
            return None
        expected = f"{wanted} ranks"
    elif wanted != _YES or trace.world > 1 or is_data_parallel(trace):
        return None
    else:
        expected = "several ranks, or a model that is made for them"
    ranks = "1 rank" if trace.world == 1 else f"{trace.world} ranks"
    return violation("config", key, process.rank, -1, f"{wanted} asked for, {ranks} at work", expected)


def _wishes(process: Process, options: frozenset[str] | set[str]) -> Iterator[tuple[str, str]]:
    """Configuration keys that mean one of ``options``, with their values."""
    return ((key, text) for key, text in texts(process, "config") if _plain(key) in options)


def _plain(key: str) -> str:
    return key.rpartition(".")[2].lower().replace("-", "_")


RULES = (
    Invariant(
        id="loaders-as-configured",
        title="Data loaders load as the configuration asks for",
        broken="Data loaders do not load as the configuration asks for",
        needs=("config", "loader_option"),
        reads=("environment",),
        check=_loaded,
        consequence="The options are read and have no effect. Workers that stay go on with their random numbers where "
        "others begin anew; the rest costs time or memory.",
        advice="Pass num_workers, pin_memory, prefetch_factor and persistent_workers on to the DataLoader.",
    ),
    Invariant(
        id="ranks-as-configured",
        title="As many ranks train as the configuration asks for",
        broken="The configuration asks for other ranks than those that train",
        needs=("config",),
        reads=("distributed_option",),
        check=_spread,
        consequence="The options are read and have no effect: every process trains by itself, or there is only one.",
        advice="Initialise the process group from these options, or take them away and leave it to the launcher.",
    ),
)
