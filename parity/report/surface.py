"""What two sources offer, on one screen, and as JSON."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from parity.compare.surface import SurfaceDifference, SurfaceKind
from parity.report.wording import count, shorten
from parity.surface.model import Place, Surface

if TYPE_CHECKING:
    from rich.console import Console

SURFACE_SCHEMA: Final = 1
_LONGEST: Final = 60
_SUMMED: Final = frozenset(
    {
        SurfaceKind.DEFINITION_MISSING,
        SurfaceKind.DEFINITION_EXTRA,
        SurfaceKind.DEFINITION_MOVED,
        SurfaceKind.DEFINITION_CHANGED,
    }
)


def surface_exit_code(differences: Sequence[SurfaceDifference]) -> int:
    """1 where flags are missing, renamed or have other defaults, else 0."""
    return int(any(one.gates for one in differences))


def surface_json(reference: Surface, candidate: Surface, differences: Sequence[SurfaceDifference]) -> dict[str, object]:
    """Everything that was read and how it differs."""
    return {
        "schema": SURFACE_SCHEMA,
        "exit_code": surface_exit_code(differences),
        "reference": _side(reference),
        "candidate": _side(candidate),
        "differences": [_difference(one) for one in differences],
    }


def _side(surface: Surface) -> dict[str, object]:
    return {
        "files": [
            {
                "file": one.file,
                "lines": one.lines,
                "code": one.code,
                "bytes": one.bytes,
                "functions": one.functions,
                "classes": one.classes,
            }
            for one in surface.files
        ],
        "flags": [
            {"name": one.name, "default": one.default, "type": one.type, "style": one.style, "place": str(one.place)}
            for one in surface.flags
        ],
        "features": {one.name: str(one.place) for one in surface.features},
        "steps": [{"name": one.name, "place": str(one.place)} for one in surface.steps],
        "not_compared": [{"file": file, "reason": reason} for file, reason in surface.unread],
    }


def _difference(one: SurfaceDifference) -> dict[str, object]:
    return {
        "kind": one.kind.value,
        "name": one.name,
        "gates": one.gates,
        "changes": list(one.changes),
        "reference": _shown(one.reference, one.reference_place),
        "candidate": _shown(one.candidate, one.candidate_place),
    }


def _shown(text: str, place: Place | None) -> dict[str, object] | None:
    return None if place is None else {"text": text, "place": str(place), "excerpt": place.excerpt}


def print_surfaces(
    reference: Surface, candidate: Surface, differences: Sequence[SurfaceDifference], console: "Console"
) -> None:
    """One line a difference with both places; definitions only as numbers, for --json lists them."""
    for side, surface in (("reference", reference), ("candidate", candidate)):
        lines = sum(one.lines for one in surface.files)
        facts = (
            count(len(surface.files), "file"),
            count(lines, "line"),
            count(len(surface.flags), "flag"),
            count(len(surface.definitions), "definition"),
            count(len(surface.features), "feature"),
        )
        console.print(f"{side}  {', '.join(facts)}")
        for file, reason in surface.unread:
            console.print(f"  not compared  {file}: {reason}", markup=False)
    gating = [one for one in differences if one.gates]
    for one in (*gating, *(one for one in differences if not one.gates and one.kind not in _SUMMED)):
        console.print(_line(one), style="bold red" if one.gates else None, markup=False)
    summed = Counter(one.kind for one in differences if one.kind in _SUMMED)
    if summed:
        console.print(", ".join(_summed(kind.value, number) for kind, number in sorted(summed.items())))
    verdict = f"different: {count(len(gating), 'flag')} changed for everyone" if gating else "no flag has changed"
    console.print(verdict, style="bold red" if gating else "bold green")


def _summed(kind: str, number: int) -> str:
    noun, _, change = kind.partition(" ")
    return f"{count(number, noun)} {change}"


def _line(one: SurfaceDifference) -> str:
    changes = f" ({'; '.join(one.changes)})" if one.changes else ""
    sides = [
        f"{shorten(text, _LONGEST)} [{place}]"
        for text, place in ((one.reference, one.reference_place), (one.candidate, one.candidate_place))
        if place is not None
    ]
    return f"{one.kind.value}{changes}: {' -> '.join(sides)}"
