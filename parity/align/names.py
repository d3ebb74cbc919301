"""Which name on the candidate side stands for which on the reference side.

Parameters are aligned by equal name, then without wrapper prefixes, then by equal initial content and shape (where
several have the same, by their first gradients), then by order; every stage works on what the stage before left over.
Checkpoint files are aligned by path, then by base name, then as the only ones left. All other names must be equal.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from parity.trace.model import Process

_WRAPPERS: Final = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module")
_PARAMETER_CHANNELS: Final = frozenset(
    {
        "parameter_kind",
        "parameter_initial",
        "buffer_initial",
        "tied_storage",
        "optimizer_group",
        "gradient",
        "gradient_applied",
        "parameter",
        "parameter_carried",
        "parameter_after",
        "parameter_outside",
        "buffer",
    }
)
_STATE_CHANNELS: Final = frozenset({"optimizer_state", "optimizer_state_initial", "optimizer_state_carried"})
_FILE_CHANNELS: Final = frozenset({"checkpoint_file", "checkpoint_moved"})
_CHECKPOINT_CHANNELS: Final = frozenset({"checkpoint_kind", "checkpoint_tensor", "checkpoint_value"})
STATE_SEPARATOR: Final = "/"
FILE_SEPARATOR: Final = "::"


@dataclass(frozen=True)
class Alignment:
    """Names that differ on both sides, from reference to candidate, and how each was found."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    methods: Mapping[str, str] = field(default_factory=dict)
    unchanged: frozenset[str] = frozenset()

    def candidate_name(self, channel: str, name: str) -> str:
        """The candidate's name for the reference's ``name`` in ``channel``."""
        if channel in _PARAMETER_CHANNELS:
            return self.parameters.get(name, name)
        if channel in _STATE_CHANNELS:
            parameter, separator, state = name.rpartition(STATE_SEPARATOR)
            return self.parameters.get(parameter, parameter) + separator + state
        if channel in _FILE_CHANNELS:
            return self.files.get(name, name)
        if channel in _CHECKPOINT_CHANNELS:
            file, separator, key = name.partition(FILE_SEPARATOR)
            return self.files.get(file, file) + separator + self._checkpoint_key(key)
        return name

    def _checkpoint_key(self, key: str) -> str:
        """Rename the parameter that ``key`` ends with, trying the longest tail first."""
        parts = key.split(".")
        for start in range(len(parts)):
            tail = ".".join(parts[start:])
            if tail in self._tails:
                return ".".join((*parts[:start], self._tails[tail]))
        return key

    @cached_property
    def _tails(self) -> Mapping[str, str]:
        same = {unwrapped(name): unwrapped(name) for name in self.unchanged}
        return same | {unwrapped(reference): unwrapped(candidate) for reference, candidate in self.parameters.items()}


def align_names(reference: Process, candidate: Process) -> Alignment:
    """Align the parameters, buffers and checkpoint files of one rank."""
    parameters: dict[str, str] = {}
    methods: dict[str, str] = {}
    left = _inventory(reference)
    right = _inventory(candidate)
    for method, identity in _STAGES:
        ours = {name: identity(reference, name) for name in left}
        theirs = {name: identity(candidate, name) for name in right}
        for name, other in _match(ours, theirs):
            left.remove(name)
            right.remove(other)
            if name != other:
                parameters[name] = other
                methods[name] = method
    known = frozenset(_inventory(reference)) - parameters.keys()
    return Alignment(parameters, _align_files(reference, candidate), methods, known)


def unwrapped(name: str) -> str:
    """``name`` without the prefixes that DDP, compile, FSDP and activation checkpointing add."""
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def _match(left: Mapping[str, object], right: Mapping[str, object]) -> list[tuple[str, str]]:
    """Pair names of equal identity, in order.

    A class of equal identities is paired only when it is equally large on both sides: a missing parameter must not
    shift all that follow.
    """
    classes: dict[object, tuple[list[str], list[str]]] = {}
    for name, identity in left.items():
        classes.setdefault(identity, ([], []))[0].append(name)
    for name, identity in right.items():
        classes.setdefault(identity, ([], []))[1].append(name)
    return [
        pair for ours, theirs in classes.values() if len(ours) == len(theirs) for pair in zip(ours, theirs, strict=True)
    ]


def _inventory(process: Process) -> list[str]:
    return [s.name for channel in ("parameter_initial", "buffer_initial") for s in process.channel(channel)]


def _kind(process: Process, name: str) -> object:
    series = process.get("parameter_kind", name)
    return None if series is None or not len(series) else series.values[0]


def _first_gradient(process: Process, name: str) -> object:
    """Digest of the first gradient: it tells parameters apart that all begin as ones, or as zeros."""
    series = process.get("gradient", name)
    return int(series.values[0]) if series is not None and len(series) else None


def _content(process: Process, name: str) -> object:
    series = process.get("parameter_initial", name) or process.get("buffer_initial", name)
    return None if series is None or not len(series) else int(series.values[0])


def _align_files(reference: Process, candidate: Process) -> dict[str, str]:
    """Checkpoint files by equal path, then by a base name that is unique on both sides, then the only ones left."""
    left = [series.name for series in reference.channel("checkpoint_file")]
    right = [series.name for series in candidate.channel("checkpoint_file")]
    ours = [name for name in left if name not in right]
    theirs = [name for name in right if name not in left]
    pairs = _match({name: _base(name) for name in ours}, {name: _base(name) for name in theirs})
    files = {name: other for name, other in pairs if [_base(one) for one in ours].count(_base(name)) == 1}
    rest = [name for name in ours if name not in files], [name for name in theirs if name not in files.values()]
    if len(rest[0]) == len(rest[1]) == 1:
        files[rest[0][0]] = rest[1][0]
    return files


def _base(path: str) -> str:
    return path.rpartition("/")[2]


Identity = Callable[[Process, str], object]

_STAGES: Final[tuple[tuple[str, Identity], ...]] = (
    ("equal name", lambda _, name: name),
    ("wrapper prefix", lambda _, name: unwrapped(name)),
    (
        "equal initial content",
        lambda process, name: (_kind(process, name), _content(process, name), _first_gradient(process, name)),
    ),
    ("equal initial content", lambda process, name: (_kind(process, name), _content(process, name))),
    ("order and shape", _kind),
)
