"""The documentation of the causes, written from the declarations of their rules."""

from collections.abc import Iterable, Iterator
from typing import Final

from parity.diagnose.checkpoints.rules import RULES as CHECKPOINTS
from parity.diagnose.continuation import crossing, sides
from parity.diagnose.continuation.rules import RULES as CONTINUATION
from parity.diagnose.library import RULES, localisation
from parity.diagnose.registry import Declaration

_INTRODUCTION: Final = """\
# Causes

<!-- Generated from the declarations in parity/diagnose by: python docs/generate.py -->

A cause is a named explanation of what differs. Its rule looks at the channels named here, predicts what follows from
it, and explains those findings and no others; the share that a report states is counted. Of several causes the one that
explains the first divergence comes first, then the one that explains more; a cause that adds nothing is not named.
Where nothing is recognised the cause is unknown.
"""


def declared() -> tuple[Declaration, ...]:
    """Every cause that any rule can name, once."""
    return tuple({one.id: one for _, part in _parts() for one in part}.values())


def document() -> str:
    """The whole document."""
    written: set[str] = set()
    text = [_INTRODUCTION]
    for title, part in _parts():
        text.append(f"## {title}\n")
        for one in part:
            if one.id not in written:
                written.add(one.id)
                text.append(_section(one))
    return "\n".join(text)


def _parts() -> Iterator[tuple[str, Iterable[Declaration]]]:
    every = [one for rule in RULES for one in rule.declarations]
    yield "Of a difference between two runs", [*every, *localisation.first_phase.declarations]
    resumed = [one for rule in CONTINUATION for one in rule.declarations]
    yield "Of a resumed run", [*resumed, *sides.DECLARATIONS, *crossing.DECLARATIONS]
    yield "Of a difference between two checkpoints", [one for rule in CHECKPOINTS for one in rule.declarations]


def _section(one: Declaration) -> str:
    rows = (
        ("what it is", one.what),
        ("looks at", ", ".join(f"`{name}`" for name in one.needs) or "keys and tensors of both checkpoints"),
        ("predicts", one.predicts[:1].upper() + one.predicts[1:] + "."),
        ("what to do", one.advice),
    )
    table = "".join(f"| {label} | {text} |\n" for label, text in rows)
    return f"### {one.id}\n\n| | |\n| --- | --- |\n{table}"
