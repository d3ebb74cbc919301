"""Functions, methods and classes of a file, each with a digest of what it does."""

import ast
import hashlib
from collections.abc import Iterator
from typing import Final

from parity.surface.model import Definition
from parity.surface.sources import Source

_DIGEST_BYTES: Final = 8
_Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def read_definitions(source: Source) -> Iterator[Definition]:
    """All definitions of one file, outer ones before those within."""
    return _within(source, source.tree, "")


def _within(source: Source, parent: ast.AST, prefix: str) -> Iterator[Definition]:
    for node in ast.iter_child_nodes(parent):
        if not isinstance(node, _Defined):
            yield from _within(source, node, prefix)
            continue
        path = f"{prefix}{node.name}"
        is_class = isinstance(node, ast.ClassDef)
        yield Definition(
            path=path,
            kind="class" if is_class else "function",
            signature=_signature(node),
            body=_body(node),
            lines=(node.end_lineno or node.lineno) - node.lineno + 1,
            place=source.place(node.lineno),
        )
        yield from _within(source, node, f"{path}.")


def _signature(node: _Defined) -> str:
    if isinstance(node, ast.ClassDef):
        return ", ".join(ast.unparse(base) for base in node.bases)
    return ast.unparse(node.args)


def _body(node: _Defined) -> str:
    """Digest of the statements: the same for a definition that was moved, renamed, reformatted or documented."""
    statements = [one for one in node.body if not _is_docstring(one)]
    names: dict[str, str] = {}
    text = "\n".join(ast.dump(_Renamed(names).visit(ast.parse(ast.unparse(one)))) for one in statements)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


class _Renamed(ast.NodeTransformer):
    """Numbers names in the order of their first use, so that only how they are used counts. Attributes stay."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(id=self._names.setdefault(node.id, f"_{len(self._names)}"), ctx=node.ctx)
