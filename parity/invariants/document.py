"""The documentation of the invariants, written from their registry."""

from typing import Final

from parity.invariants.model import Invariant
from parity.invariants.registry import INVARIANTS

_INTRODUCTION: Final = """\
# Invariants

<!-- Generated from parity/invariants/registry.py by: python docs/generate.py -->

    parity lint RUN
    parity lint RUN --json

checks what must hold in any single run, whatever another one does: it finds defects that a reference and a candidate
share. Exit status 0: nothing is violated; 1: something is; 3: nothing could be checked. What a trace cannot tell is not
compared, with the reason, and never counts as clean.

Every comparison checks both sides. What the reference violates, alone or like the candidate, never fails a comparison:
a witness may be quirky on purpose. What the candidate alone violates does, where the reference is known to hold, unless
the rule rests on the wording of what is printed.
"""


def document() -> str:
    """The whole document."""
    return "\n".join([_INTRODUCTION, *(_section(one) for one in INVARIANTS)])


def _section(one: Invariant) -> str:
    counts = "fails a comparison" if one.gates else "is listed and never fails a comparison"
    rows = (
        ("violated", one.broken),
        ("what it does", one.consequence),
        ("what to do", one.advice),
        ("read from", ", ".join(f"`{name}`" for name in (*one.needs, *one.reads))),
        ("in the candidate alone", counts),
    )
    table = "".join(f"| {label} | {text} |\n" for label, text in rows)
    return f"## {one.id}\n\n{one.title}.\n\n| | |\n| --- | --- |\n{table}"
