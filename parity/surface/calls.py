"""What a call in a source leads to: the function or method of the program itself that it runs, where that is clear."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from parity.surface.sources import Source

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, kw_only=True)
class Here:
    """A node, the file that it stands in, and the class around it, empty where there is none."""

    source: Source
    node: ast.AST
    owner: str = ""


class Calls:
    """The definitions of a program by name, and the classes that its names stand for.

    A name that several definitions have leads nowhere. An object is of the one class that annotations, and calls of a
    class in an assignment or as an argument, give to its name anywhere in the program.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        """Read all files once."""
        self.places = [here for source in sources for here in _all(source)]
        functions: dict[str, list[Here]] = {}
        self._methods: dict[tuple[str, str], list[Here]] = {}
        classes: dict[str, list[ast.ClassDef]] = {}
        for here in self.places:
            if isinstance(here.node, FUNCTIONS):
                functions.setdefault(here.node.name, []).append(here)
                self._methods.setdefault((here.owner, here.node.name), []).append(here)
            elif isinstance(here.node, ast.ClassDef):
                classes.setdefault(here.node.name, []).append(here.node)
        self._functions = {name: found[0] for name, found in functions.items() if len(found) == 1}
        self._bases = {name: _bases(found[0]) for name, found in classes.items() if len(found) == 1}
        kinds: dict[str, set[str]] = {}
        for here in self.places:
            for name, kind in _kinds(here.node):
                kinds.setdefault(name, set()).add(kind)
        self._kinds = {name: next(iter(found)) for name, found in kinds.items() if len(found) == 1}

    def find(self, function: ast.expr, here: Here) -> Here | None:
        """Where a call of ``function``, which stands ``here``, goes on; None where that is not clear."""
        name, of = called(function)
        plain = of.rpartition(".")[2]
        owner = here.owner if of == "self" else self._kinds.get(plain, "")
        return (
            self._method(owner, name)
            or self._functions.get(name)
            or self._method(self._kinds.get(name, ""), "__call__")
        )

    def _method(self, owner: str, name: str, depth: int = 8) -> Here | None:
        """The method of a class, or of the first of its bases that has it; ``self`` is of the class in both."""
        if owner not in self._bases or not depth:
            return None
        found = self._methods.get((owner, name), [])
        if found:
            return found[0] if len(found) == 1 else None
        inherited = (self._method(base, name, depth - 1) for base in self._bases[owner])
        return next((replace(one, owner=owner) for one in inherited if one is not None), None)


def called(function: ast.expr) -> tuple[str, str]:
    """Name of what is called, and the text of the object it is called on."""
    if isinstance(function, ast.Attribute):
        return function.attr, ast.unparse(function.value)
    return (function.id, "") if isinstance(function, ast.Name) else ("", "")


def _all(source: Source) -> Iterator[Here]:
    """Every node of a file with the class around it; a function within a method belongs to that class as well."""
    waiting = [Here(source=source, node=source.tree)]
    while waiting:
        here = waiting.pop()
        yield here
        owner = here.node.name if isinstance(here.node, ast.ClassDef) else here.owner
        waiting += [Here(source=source, node=node, owner=owner) for node in ast.iter_child_nodes(here.node)]


def _bases(node: ast.ClassDef) -> list[str]:
    return [called(base)[0] for base in node.bases]


def _kinds(node: ast.AST) -> Iterator[tuple[str, str]]:
    """The names that a node gives a class, with that of the class."""
    if isinstance(node, ast.arg) and node.annotation is not None:
        yield node.arg, _annotated(node.annotation)
    elif isinstance(node, ast.AnnAssign):
        yield called(node.target)[0], _annotated(node.annotation)
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
        for target in node.targets:
            yield called(target)[0], called(node.value.func)[0]
    elif isinstance(node, ast.keyword) and node.arg and isinstance(node.value, ast.Call):
        yield node.arg, called(node.value.func)[0]


def _annotated(annotation: ast.expr) -> str:
    """The class that an annotation names; of ``X | None`` the first."""
    if isinstance(annotation, ast.BinOp):
        return _annotated(annotation.left)
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return annotation.value.partition("|")[0].strip().rpartition(".")[2]
    return called(annotation)[0]
