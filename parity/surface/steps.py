"""The order of steps in the training loop, followed through the functions that it calls."""

import ast
from collections.abc import Iterator, Sequence
from typing import Final

from parity.surface.model import Step
from parity.surface.sources import Source

_DEPTH: Final = 8
_MOST_STEPS: Final = 200
_STEPS: Final = {
    "zero_grad": "zero_grad",
    "backward": "backward",
    "unscale_": "unscale",
    "clip_grad_norm_": "clip",
    "clip_grad_value_": "clip",
    "no_sync": "no_sync",
    "all_reduce": "all_reduce",
    "barrier": "barrier",
    "train": "train mode",
    "eval": "eval mode",
    "state_dict": "state_dict",
    "set_epoch": "set_epoch",
}
_OWNERS: Final = {"sched": "scheduler step", "scaler": "scaler step", "opt": "optimizer step"}
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Here = tuple[Source, ast.AST]


def read_steps(sources: Sequence[Source]) -> Iterator[Step]:
    """The steps of the loop that trains: the innermost from which both a backward and an optimizer step are reached.

    Calls of functions of the program are followed where one definition alone has that name. Nothing where no such loop
    is found.
    """
    functions = _functions(sources)
    best: list[Step] = []
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.For | ast.While | ast.AsyncFor):
                steps = list(_walk((source, node), functions, frozenset()))[:_MOST_STEPS]
                names = {step.name for step in steps}
                is_training = "backward" in names and bool(names & {"optimizer step", "scaler step"})
                if is_training and (not best or len(steps) < len(best)):
                    best = steps
    yield from best


def _functions(sources: Sequence[Source]) -> dict[str, _Here]:
    """Functions by name, without names that several have."""
    found: dict[str, list[_Here]] = {}
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, _Function):
                found.setdefault(node.name, []).append((source, node))
    return {name: places[0] for name, places in found.items() if len(places) == 1}


def _walk(here: _Here, functions: dict[str, _Here], inside: frozenset[str]) -> Iterator[Step]:
    source, node = here
    for call in _calls(node):
        name, owner = _called(call.func)
        said = _said(name, owner)
        if said:
            yield Step(name=said, place=source.place(call.lineno))
        elif name in functions and name not in inside and len(inside) < _DEPTH:
            yield from _walk(functions[name], functions, inside | {name})


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """Calls in the order in which they are made: arguments first, and no bodies of definitions within."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (*_Function.__args__, ast.ClassDef, ast.Lambda)):
            continue
        yield from _calls(child)
    if isinstance(node, ast.Call):
        yield node


def _called(function: ast.expr) -> tuple[str, str]:
    """Name of what is called, and the text of the object it is called on."""
    if isinstance(function, ast.Attribute):
        return function.attr, ast.unparse(function.value)
    return (function.id, "") if isinstance(function, ast.Name) else ("", "")


def _said(name: str, owner: str) -> str:
    if name == "step":
        low = owner.lower()
        return next((said for part, said in _OWNERS.items() if part in low), "")
    if name == "save" and owner.rpartition(".")[2] == "torch":
        return "save"
    if name in ("train", "eval", "state_dict") and not owner:
        return ""
    return _STEPS.get(name, "")
