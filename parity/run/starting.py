"""A policy to begin with: the pairs that a repository seems to hold, to be corrected by hand."""

import re
from collections.abc import Sequence
from typing import Final

from parity.surface.programs import Program

_BEFORE: Final = frozenset({"legacy", "old", "orig", "original", "reference", "baseline", "monolith", "v1", "before"})
_AFTER: Final = frozenset({"new", "refactored", "refactor", "modular", "clean", "rewrite", "v2", "after"})
_GENERAL: Final = frozenset({"main", "src", "scripts", "trainers", "trainer", "train", "training"})
_UPDATES: Final = 20
_SEED: Final = 1337

Pair = tuple[str, Program, Program]


def find_pairs(programs: Sequence[Program]) -> list[Pair]:
    """Name, reference and candidate of every two programs whose paths say that one came out of the other."""
    pairs: list[Pair] = []
    candidates = list(programs)
    for reference in [one for one in programs if _words(one) & _BEFORE]:
        rest = [one for one in candidates if one is not reference and not _words(one) & _BEFORE]
        if rest:
            closest = max(rest, key=lambda one: _likeness(reference, one))
            pairs.append((_name(reference), reference, closest))
            if closest.path.name != "__main__.py":  # which may well hold several trainers
                candidates.remove(closest)
    paired = {id(one) for _, *both in pairs for one in both}
    for candidate in [one for one in programs if _words(one) & _AFTER and id(one) not in paired]:
        rest = [one for one in programs if id(one) not in paired and not _words(one) & _AFTER]
        if rest:
            closest = max(rest, key=lambda one: _likeness(candidate, one))
            pairs.append((_name(candidate), closest, candidate))
            paired |= {id(closest), id(candidate)}
    return pairs


def starting_policy(programs: Sequence[Program]) -> str:
    """The text of ``[tool.parity]`` for a repository that holds ``programs``, with comments that say what to change."""
    pairs = find_pairs(programs)
    if pairs:
        tables = [_table(*pair) for pair in pairs]
    elif programs:
        tables = [_alone(programs)]
    else:
        tables = [_nothing()]
    return "[tool.parity]\n" + "".join(f"\n{table}" for table in tables)


def _table(name: str, reference: Program, candidate: Program) -> str:
    lines = [
        "[[tool.parity.pairs]]",
        f'name = "{name}"',
        f'reference = "{_with_output(reference)}"',
        f'candidate = "{_with_output(candidate)}"',
        "# What both get: a small model and little data prove as much as large ones. {out} is a directory of either.",
        'arguments = ""',
    ]
    roots = dict.fromkeys(one.root for one in (reference, candidate) if one.root)
    if roots:
        lines += [
            "# Where Python looks for the packages; not needed where they are installed.",
            f'environment = {{ PYTHONPATH = "{":".join(roots)}" }}',
        ]
    return "\n".join([*lines, "", _SCENARIO])


def _alone(programs: Sequence[Program]) -> str:
    """One program, before its refactoring: it is its own reference, from a copy that is kept as it was."""
    first = programs[0]
    others = "".join(f"# also found: {one.command}\n" for one in programs[1:])
    kept = first.path.parent / f"legacy_{first.path.name}" if first.path.name != "__main__.py" else "legacy/"
    return (
        f"# No two programs here look like one before and after a refactoring. Keep the one that you will refactor,\n"
        f"# for instance as {kept}, and name that copy as the reference.\n{others}" + _table(_name(first), first, first)
    )


def _nothing() -> str:
    return (
        "# No program that trains was found. Name two commands that train the same model, before and after.\n"
        "# [[tool.parity.pairs]]\n"
        '# name = "train"\n'
        '# reference = "python legacy/train.py"\n'
        '# candidate = "python train.py"\n'
        '# scenarios = [{ name = "scratch", updates = 20, seed = 1337 }]\n'
    )


_SCENARIO: Final = f"""[[tool.parity.pairs.scenarios]]
name = "scratch"
# Both programs end after so many optimizer steps, and are seeded before their first line.
updates = {_UPDATES}
seed = {_SEED}
"""


def _with_output(program: Program) -> str:
    return f"{program.command} {program.output}{{out}}" if program.output else program.command


def _words(program: Program) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", str(program.path.with_suffix("")).lower()))


def _likeness(one: Program, other: Program) -> tuple[int, int]:
    ours, theirs = (_words(each) - _BEFORE - _AFTER for each in (one, other))
    return len(ours & theirs), -len(ours ^ theirs)


def _name(program: Program) -> str:
    words = re.split(r"[^a-z0-9]+", str(program.path.with_suffix("")).lower())
    left = [word for word in words if word and word not in _BEFORE | _AFTER and not word.startswith("__")]
    telling = [word for word in left if word not in _GENERAL] or left[-1:] or ["train"]
    return "-".join(dict.fromkeys(telling))
