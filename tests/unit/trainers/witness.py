"""Parts of the witness char_gpt by themselves: its script trains when it is run, so definitions are taken out of it."""

import ast
from functools import cache
from pathlib import Path
from types import CodeType, SimpleNamespace

SCRIPT = Path(__file__).parents[3] / "legacy" / "char_gpt" / "train.py"
KINDS = (ast.ClassDef, ast.FunctionDef, ast.Import, ast.ImportFrom)


def witness(**given):
    """Classes and functions of the script, which find the globals ``given`` in place of its own."""
    namespace = {"__name__": "witness"}
    exec(_definitions(), namespace)
    namespace.update(given)
    return SimpleNamespace(**namespace)


@cache
def _definitions() -> CodeType:
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    body = [node for node in tree.body if isinstance(node, KINDS)]
    return compile(ast.Module(body=body, type_ignores=[]), str(SCRIPT), "exec")
