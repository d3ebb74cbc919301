"""The order of steps in the training loop, followed through the functions that it calls."""

import ast
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from parity.surface.calls import FUNCTIONS, Calls, Here, called
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


def read_steps(sources: Sequence[Source]) -> Iterator[Step]:
    """The steps of the loop that trains: the innermost from which both a backward and an optimizer step are reached.

    Calls are followed into the program's own functions, methods and callable objects, where it is clear which are
    meant. Nothing where no such loop is found.
    """
    calls = Calls(sources)
    best: list[Step] = []
    for here in calls.places:
        if isinstance(here.node, ast.For | ast.While | ast.AsyncFor):
            steps = list(islice(_walk(here, calls, ()), _MOST_STEPS))
            names = {step.name for step in steps}
            is_training = "backward" in names and bool(names & {"optimizer step", "scaler step"})
            if is_training and (not best or len(steps) < len(best)):
                best = steps
    yield from best


def _walk(here: Here, calls: Calls, inside: tuple[ast.AST, ...]) -> Iterator[Step]:
    for call in _calls(here.node):
        said = _said(*called(call.func))
        if said:
            yield Step(name=said, place=here.source.place(call.lineno))
            continue
        found = calls.find(call.func, here)
        if found is not None and found.node not in inside and len(inside) < _DEPTH:
            yield from _walk(found, calls, (*inside, found.node))


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """Calls in the order in which they are made: arguments first, and no bodies of definitions within."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
            continue
        yield from _calls(child)
    if isinstance(node, ast.Call):
        yield node


def _said(name: str, owner: str) -> str:
    if name == "step":
        low = owner.lower()
        return next((said for part, said in _OWNERS.items() if part in low), "")
    if name == "save" and owner.rpartition(".")[2] == "torch":
        return "save"
    if name in ("train", "eval", "state_dict") and not owner:
        return ""
    return _STEPS.get(name, "")
