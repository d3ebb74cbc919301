"""Which module on the candidate side stands for which on the reference side, by the parameters that they hold."""

from collections import Counter
from collections.abc import Iterator, Mapping

_WRAPPERS = ("_orig_mod", "module")


def align_modules(parameters: Mapping[str, str]) -> dict[str, str]:
    """Paths of modules that differ, from the candidate's to the reference's.

    ``parameters`` are the names of parameters that differ, from the reference's to the candidate's. What both names end
    with says nothing; the modules before that stand for each other, and so do, pair by pair, the modules that they are
    in, as long as there are some on both sides. Where the names contradict one another, most of them are right.
    """
    votes: dict[str, Counter[str]] = {}
    for reference, candidate in parameters.items():
        for theirs, ours in _pairs(_parts(reference), _parts(candidate)):
            votes.setdefault(ours, Counter())[theirs] += 1
    chosen = {ours: found.most_common(1)[0][0] for ours, found in votes.items()}
    return {ours: theirs for ours, theirs in sorted(chosen.items()) if ours != theirs}


def _pairs(reference: list[str], candidate: list[str]) -> Iterator[tuple[str, str]]:
    while reference and candidate and reference[-1] == candidate[-1]:
        reference, candidate = reference[:-1], candidate[:-1]
    while reference and candidate:
        yield ".".join(reference), ".".join(candidate)
        reference, candidate = reference[:-1], candidate[:-1]


def _parts(name: str) -> list[str]:
    return [part for part in name.split(".") if part not in _WRAPPERS]
