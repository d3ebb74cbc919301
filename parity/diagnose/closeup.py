"""How a close-up is put into words, in causes and in reports alike."""

from collections.abc import Iterator
from typing import Final

from parity.compare.zoom_model import Direction, Manner, Part, Zoom
from parity.trace.zoom import OUTSIDE, Operation

_MOST_NAMES: Final = 4
_LONGEST: Final = 80
_MANNERS: Final = {
    Manner.CHANGED: "other arguments",
    Manner.MISSING: "missing in the candidate",
    Manner.EXTRA: "extra in the candidate",
    Manner.REPLACED: "replaced in the candidate",
    Manner.OTHER_RESULT: "same inputs and arguments, another result",
}


def lines(zoom: Zoom) -> tuple[str, ...]:
    """Everything that a close-up shows, one line for each thing, the innermost place first."""
    return (*parameter_lines(zoom), *filter(None, (module_line(zoom), gradient_line(zoom), operation_line(zoom))))


def place(zoom: Zoom) -> str:
    """Where the sides part: path of the module, or in words."""
    operation = zoom.operation
    if zoom.module is not None:
        return path(zoom.module.path)
    if operation is not None:
        known = operation.reference or operation.candidate
        return path(known.module) if known is not None else path("")
    return path(zoom.parameters[0].name) if zoom.parameters else path("")


def path(name: str) -> str:
    """A module's path; the model itself and what lies outside in words."""
    return {"": "the model itself", OUTSIDE: "between the model's output and the backward"}.get(name, name)


def until(zoom: Zoom) -> str:
    """The last place on the way back where the gradient is right."""
    return path(zoom.gradient.right_until) if zoom.gradient is not None and zoom.gradient.right_until else "the loss"


def module_line(zoom: Zoom) -> str:
    """The first module whose result differs, in both programs; empty where there is none, or a gradient tells more."""
    ours, theirs = zoom.module, zoom.counterpart
    if (ours is None and theirs is None) or zoom.gradient is not None:
        return ""
    return f"module: {_part(ours)} in the reference, {_part(theirs)} in the candidate"


def operation_line(zoom: Zoom) -> str:
    """The first operation that differs, with the arguments that do; empty where there is none."""
    found = zoom.operation
    if found is None:
        return ""
    manner = _MANNERS[found.manner]
    if found.manner is Manner.CHANGED and found.reference is not None and found.candidate is not None:
        changes = ", ".join(
            f"{one.name} is {one.reference or 'absent'} in the reference, {one.candidate or 'absent'} in the candidate"
            for one in found.changes
        )
        moved = found.candidate.module != found.reference.module
        where = f"{path(found.reference.module)}{f' ({path(found.candidate.module)})' if moved else ''}"
        return f"operation: {found.reference.name} in {where}: {changes}"
    if found.manner is Manner.REPLACED:
        return (
            f"operation: {_operation(found.reference)} in the reference, {_operation(found.candidate)} in the candidate"
        )
    return f"operation: {_operation(found.reference or found.candidate)}: {manner}"


def gradient_line(zoom: Zoom) -> str:
    """Where the gradient is wrong first on its way back; empty where the forward already differs."""
    found = zoom.gradient
    if found is None:
        return ""
    norms = f", norm {found.norms[0]!r} in the reference, {found.norms[1]!r} in the candidate" if found.norms else ""
    lost = f"; no gradient reaches {_listing(found.without)} in the candidate" if found.without else ""
    return (
        f"gradient: right back to the output of {until(zoom)}, wrong at the output of {path(found.path)}{norms}{lost}"
    )


def parameter_lines(zoom: Zoom) -> Iterator[str]:
    """Parameters that differ before the forward begins."""
    turned = [one.name for one in zoom.parameters if one.is_transposed]
    others = [one.name for one in zoom.parameters if not one.is_transposed]
    if turned:
        yield f"parameters that the candidate holds transposed: {_listing(turned)}"
    if others:
        yield f"parameters that differ before the forward begins: {_listing(others)}"


def heading(zoom: Zoom) -> str:
    """Direction and place in a few words."""
    when = f"update {zoom.update}, micro-step {zoom.micro_step}"
    if zoom.direction is Direction.NONE:
        return f"{when}: nothing found"
    return f"{zoom.direction.value} of {when}"


def _part(part: Part | None) -> str:
    if part is None:
        return "no module"
    inside = ", ".join(filter(None, (part.kind, part.arguments)))
    return f"{path(part.path)} ({inside[:_LONGEST]}{'...' if len(inside) > _LONGEST else ''})"


def _operation(operation: Operation | None) -> str:
    if operation is None:
        return "nothing"
    literals = ", ".join(f"{name}={value}" for name, value in operation.literals.items())
    return f"{operation.name}{f' ({literals})' if literals else ''} in {path(operation.module)}"


def _listing(names: tuple[str, ...] | list[str]) -> str:
    rest = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")
