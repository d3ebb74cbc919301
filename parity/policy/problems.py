"""What is wrong with a table, in words: one line for each problem, with the path of its key."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final, TypeAlias, get_args

from pydantic import ValidationError

from parity.policy.base import Table

Location: TypeAlias = tuple[int | str, ...]
_LONGEST: Final = 60


def problems_of(model: type[Table], table: object) -> list[str]:
    """Every problem of ``table`` as a ``model``; none where it is one.

    Keys are checked against each other only where each is right by itself. So what is wrong by itself is left out, and
    the rest is checked again.
    """
    found: dict[Location, str] = {}
    rest, before = table, object()
    while rest != before:
        errors = _errors(model, rest)
        # What is missing later on was left out here.
        found |= {
            error["loc"]: _problem(model, error)
            for error in errors
            if error["loc"] not in found and (rest is table or error["type"] != "missing")
        }
        before = rest
        for error in errors:
            rest = _without(rest, error["loc"][:-1] if error["type"] == "missing" else error["loc"])
    return [f"{_path(location)}: {problem}" for location, problem in found.items()]


def _errors(model: type[Table], table: object) -> list[Any]:
    try:
        model.model_validate(table)
    except ValidationError as error:
        return list(error.errors())
    return []


def _without(table: Any, location: Location) -> Any:
    """``table`` without the key at ``location``; as it is where that is no key but a table of a list."""
    if not location or table is None:
        return table
    step, *further = location
    if isinstance(table, Mapping):
        kept = {key: value for key, value in table.items() if key != step}
        keeps = bool(further) and step in table and not _is_leaf(table[step])
        return {**kept, step: _without(table[step], tuple(further))} if keeps else kept
    if isinstance(table, list) and isinstance(step, int) and step < len(table):
        return [_without(one, tuple(further)) if at == step else one for at, one in enumerate(table)]
    return table


def _is_leaf(value: object) -> bool:
    """Whether a value is wrong as a whole where anything in it is."""
    return not isinstance(value, Mapping) and not (isinstance(value, list) and any(isinstance(v, dict) for v in value))


def _path(location: Location) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".") or "all"


def _problem(model: type[Table], error: Any) -> str:
    kind, value = error["type"], repr(error["input"])
    shown = value if len(value) <= _LONGEST else f"{value[: _LONGEST - 3]}..."
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind == "extra_forbidden":
        return f"unknown key (value {shown}){_meant(model, error['loc'])}"
    return f"{error['msg']} (value {shown})"


def _meant(model: type[Table], location: Location) -> str:
    """The known key that an unknown one at ``location`` resembles, as a question."""
    *above, key = location
    for step in above:
        if isinstance(step, str):
            model = next(_tables(model.model_fields[step].annotation), model)
    close = get_close_matches(str(key), model.model_fields, 1)
    return f"; did you mean {close[0]}?" if close else ""


def _tables(annotation: Any) -> Iterator[type[Table]]:
    if isinstance(annotation, type) and issubclass(annotation, Table):
        yield annotation
    for part in get_args(annotation):
        yield from _tables(part)
