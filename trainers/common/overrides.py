"""Reading overrides: Python files and ``--key=value``, from left to right, the last one wins."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType


def read_overrides(arguments: Sequence[str], defaults: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    """Collect the overridden values by key, and one sentence for each argument that cannot be understood.

    ``defaults`` holds every known key. A file of overrides sees the values in force so far, so that it can compute one
    from another; names with a leading underscore and imported modules are its own business. What such a file raises is
    not caught: the traceback belongs to its author.
    """
    values: dict[str, object] = {}
    problems: list[str] = []
    for argument in arguments:
        found, problem = _read_argument(argument, {**defaults, **values})
        if problem:
            problems.append(problem)
        for key, value in found.items():
            if key in defaults:
                values[key] = value
            else:
                problems.append(f"unknown config key {key!r} in {argument!r} (--help lists the keys)")
    return values, problems


def _read_argument(argument: str, present: Mapping[str, object]) -> tuple[dict[str, object], str | None]:
    """Tell what one argument sets, or why it sets nothing."""
    if not argument.startswith("-"):
        path = Path(argument)
        if not path.is_file():
            return {}, f"config file {argument!r} does not exist (a single value is given as --key=value)"
        return _execute(path, present), None
    key, equals, text = argument.removeprefix("--").partition("=")
    if not argument.startswith("--") or not equals or not key:
        return {}, f"cannot read {argument!r}, expected --key=value or the path of a config file"
    return {key: read_literal(text)}, None


def read_literal(text: str) -> object:
    """Return the Python literal that ``text`` spells, or ``text`` itself when it spells none."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def _execute(path: Path, present: Mapping[str, object]) -> dict[str, object]:
    """Return the names that a Python file assigns, given the values in force."""
    namespace: dict[str, object] = dict(present)
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), namespace)
    return {
        name: value
        for name, value in namespace.items()
        if not name.startswith("_")
        and not isinstance(value, ModuleType)
        and (name not in present or value is not present[name])
    }
