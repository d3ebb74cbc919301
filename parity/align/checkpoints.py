"""Which key of the candidate's checkpoint stands for which of the reference's.

Keys are aligned by equal name, then without the prefixes of wrappers, then by one prefix that stands for another, then
by equal content, and at last by order among those of equal shape. Every stage works on what the stage before left over.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from parity.align.names import unwrapped
from parity.checkpoint.model import Path
from parity.checkpoint.tensors import Tensor

_MOST_PARTNERS: Final = 64
Content = Callable[[Tensor], object]


@dataclass(frozen=True)
class Prefix:
    """The reference's keys below ``reference`` are the candidate's below ``candidate``."""

    reference: tuple[str, ...]
    candidate: tuple[str, ...]

    @property
    def title(self) -> str:
        """Both sides, as they are shown."""
        return f"{'.'.join(self.reference) or '(nothing)'} -> {'.'.join(self.candidate) or '(nothing)'}"


@dataclass(frozen=True)
class Keys:
    """From reference to candidate: keys that stand for each other, and how those that differ were found."""

    pairs: Mapping[Path, Path]
    methods: Mapping[Path, str] = field(default_factory=dict)
    prefixes: tuple[Prefix, ...] = ()


def align_tensors(reference: Mapping[Path, Tensor], candidate: Mapping[Path, Tensor], content: Content) -> Keys:
    """Align the tensors of two files; ``content`` identifies what a tensor holds."""
    left = [path for path in reference if path not in candidate]
    right = [path for path in candidate if path not in reference]
    pairs = {path: path for path in reference if path in candidate}
    methods: dict[Path, str] = {}

    def enter(found: Iterable[tuple[Path, Path]], method: str) -> None:
        for path, other in found:
            pairs[path] = other
            methods[path] = method
        taken = set(pairs.values())
        left[:] = [path for path in left if path not in pairs]
        right[:] = [path for path in right if path not in taken]

    enter(_match({path: _bare(path) for path in left}, {path: _bare(path) for path in right}), "wrapper prefix")
    prefixes: list[Prefix] = []
    while left and right:
        prefix, found = _best_prefix(reference, candidate, left, right)
        if prefix is None or len(found) < min(2, len(left)):
            break
        prefixes.append(prefix)
        enter(found, f"prefix {prefix.title}")
    if left and right:
        shapes = {(reference[path].shape, reference[path].dtype) for path in left}
        shapes &= {(candidate[path].shape, candidate[path].dtype) for path in right}
        same = [
            {path: content(side[path]) for path in paths if (side[path].shape, side[path].dtype) in shapes}
            for side, paths in ((reference, left), (candidate, right))
        ]
        enter(_match(same[0], same[1], largest=1), "equal content")
    kinds = [{path: side[path].shape for path in paths} for side, paths in ((reference, left), (candidate, right))]
    enter(_match(kinds[0], kinds[1]), "order and shape")
    return Keys(pairs, methods, tuple(prefixes))


def align_others(reference: Iterable[Path], candidate: Iterable[Path], tensors: Keys) -> dict[Path, Path]:
    """Align what is no tensor: by equal name, without the prefixes of wrappers, and by the prefixes of tensors."""
    left, right = list(reference), set(candidate)
    pairs = {path: path for path in left if path in right}
    rest = [path for path in left if path not in pairs]
    spare = right - pairs.keys()
    by_text = {_text(path): path for path in spare}
    for prefix in tensors.prefixes:
        for path in rest:
            other = by_text.get(_moved(_text(path), prefix) or ())
            if other in spare and path not in pairs:
                pairs[path] = other
                spare.discard(other)
    bare = _match({path: _bare(path) for path in rest if path not in pairs}, {path: _bare(path) for path in spare})
    return pairs | dict(bare)


def _best_prefix(
    reference: Mapping[Path, Tensor], candidate: Mapping[Path, Tensor], left: list[Path], right: list[Path]
) -> tuple[Prefix | None, list[tuple[Path, Path]]]:
    """The exchange of prefixes that pairs the most keys."""
    by_end: dict[tuple[str, tuple[int, ...]], list[Path]] = {}
    for path in right:
        by_end.setdefault(_end(path, candidate[path]), []).append(path)
    votes: Counter[Prefix] = Counter()
    for path in left:
        for other in by_end.get(_end(path, reference[path]), [])[:_MOST_PARTNERS]:
            votes[_exchange(_text(path), _text(other))] += 1
    if not votes:
        return None, []
    prefix = max(votes, key=lambda one: (votes[one], -len(one.reference) - len(one.candidate)))
    spare = {_text(path): path for path in right}
    moved = [(path, spare.get(_moved(_text(path), prefix) or ())) for path in left]
    return prefix, [(path, other) for path, other in moved if other is not None]


def _end(path: Path, tensor: Tensor) -> tuple[str, tuple[int, ...]]:
    """What a renamed key keeps: the last part of its name, and the sizes of its tensor in some order."""
    return _text(path)[-1] if path else "", tuple(sorted(tensor.shape))


def _exchange(text: tuple[str, ...], other: tuple[str, ...]) -> Prefix:
    """What is left of both names without their longest common end."""
    same = 0
    while same < min(len(text), len(other)) and text[-1 - same] == other[-1 - same]:
        same += 1
    return Prefix(text[: len(text) - same], other[: len(other) - same])


def _moved(text: tuple[str, ...], prefix: Prefix) -> tuple[str, ...] | None:
    size = len(prefix.reference)
    return prefix.candidate + text[size:] if text[:size] == prefix.reference else None


def _text(path: Path) -> tuple[str, ...]:
    return tuple(".".join(str(part) for part in path).split("."))


def _bare(path: Path) -> Path:
    """``path`` without what wrappers add to it."""
    return tuple(part if isinstance(part, int) else bare for part in path if (bare := unwrapped(str(part))))


def _match(
    left: Mapping[Path, object], right: Mapping[Path, object], *, largest: int | None = None
) -> list[tuple[Path, Path]]:
    """Pair keys of equal identity in order, where both sides have as many of them (at most ``largest``)."""
    classes: dict[object, tuple[list[Path], list[Path]]] = {}
    for side, identities in enumerate((left, right)):
        for path, identity in identities.items():
            classes.setdefault(identity, ([], []))[side].append(path)
    return [
        pair
        for ours, theirs in classes.values()
        if len(ours) == len(theirs) and (largest is None or len(ours) <= largest)
        for pair in zip(ours, theirs, strict=True)
    ]
