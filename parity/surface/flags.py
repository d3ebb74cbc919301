"""The options of a program, however they are declared."""

import ast
from collections.abc import Iterator
from typing import Final, TypeGuard

from parity.surface.model import Flag
from parity.surface.sources import Source

_ARGUMENT_CLASSES: Final = ("TrainingArguments", "TrainerArguments", "BaseModel", "BaseSettings")
_CONFIGURATIONS: Final = ("Config", "Configuration", "Args", "Arguments", "Options", "Settings", "Hyperparameters")
_LITERAL: Final = (
    *(ast.Constant, ast.UnaryOp, ast.unaryop, ast.BinOp, ast.operator),
    *(ast.List, ast.Tuple, ast.Set, ast.Dict, ast.expr_context),
)
_ARGPARSE: Final = frozenset(
    {"action", "choices", "const", "default", "dest", "help", "metavar", "nargs", "required", "type"}
)
_NO_VALUE: Final = {"store_true": "False", "store_false": "True", "count": "0"}


def read_flags(source: Source) -> Iterator[Flag]:
    """All flags of one file in the order of the source."""
    found = [*_calls(source), *_parameters(source), *_fields(source), *_globals(source)]
    found.sort(key=lambda flag: flag.place.line)
    yield from found


def plain_name(name: str) -> str:
    """A flag's name as it is compared: no dashes in front, underscores within."""
    return name.lstrip("-").replace("-", "_")


def _calls(source: Source) -> Iterator[Flag]:
    """``parser.add_argument("--x", ...)``, under whatever name, and ``@click.option("--x", ...)``."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        called = _last(node.func)
        if called == "add_argument" or _stands_in(node):
            yield from _declared(source, node, "argparse")
        elif called == "option" and isinstance(node.func, ast.Attribute):
            yield from _declared(source, node, "click")


def _stands_in(call: ast.Call) -> bool:
    """Whether a call of a plain name is one of ``add_argument`` by what it is given: options, then its keywords."""
    if not isinstance(call.func, ast.Name) or not call.args:
        return False
    options = all(isinstance(one, ast.Constant) and str(one.value).startswith("-") for one in call.args)
    given = {word.arg for word in call.keywords}
    return options and "help" in given and given <= _ARGPARSE


def _declared(source: Source, call: ast.Call, style: str) -> Iterator[Flag]:
    names = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    options = [name for part in names for name in part.split("/") if name.startswith("-")]
    if not options:
        return
    given = {word.arg: word.value for word in call.keywords if word.arg}
    action = given.get("action")
    kind = action.value if isinstance(action, ast.Constant) and isinstance(action.value, str) else ""
    default = _resolved(source, given.get("default"))
    if not default:
        default = _NO_VALUE.get(kind, "False" if "is_flag" in given else "")
    chosen = next((name for name in options if name.startswith("--")), options[0])
    type_ = _text(given.get("type")) or ("bool" if kind.startswith("store_") or "is_flag" in given else "")
    yield Flag(name=plain_name(chosen), default=default, type=type_, style=style, place=source.place(call.lineno))


def _parameters(source: Source) -> Iterator[Flag]:
    """Parameters of commands whose default or annotation is ``typer.Option(...)``."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        positional = [*node.args.posonlyargs, *node.args.args]
        defaults: dict[str, ast.expr | None] = dict(
            zip(
                (one.arg for one in positional[len(positional) - len(node.args.defaults) :]),
                node.args.defaults,
                strict=True,
            )
        )
        defaults |= {one.arg: value for one, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)}
        for one in arguments:
            flag = _typer(source, one, defaults.get(one.arg))
            if flag is not None:
                yield flag


def _typer(source: Source, argument: ast.arg, default: ast.expr | None) -> Flag | None:
    option = default if _is_typer(default) else None
    annotation = argument.annotation
    if isinstance(annotation, ast.Subscript) and _last(annotation.value) == "Annotated":
        parts = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        option = option or next((part for part in parts[1:] if _is_typer(part)), None)
        annotation = parts[0]
    if not isinstance(option, ast.Call):
        return None
    inside = option is default
    value = option.args[0] if inside and option.args else (None if inside else default)
    names = [one.value for one in option.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    name = next((one for one in names if one.startswith("--")), argument.arg)
    return Flag(
        name=plain_name(name),
        default=_text(value),
        type=_text(annotation),
        style="typer",
        place=source.place(argument.lineno),
    )


def _is_typer(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _text(node.func) == "typer.Option"


def _fields(source: Source) -> Iterator[Flag]:
    """Fields with a default of configuration classes: dataclasses, settings models, argument classes."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ClassDef) or not _is_configuration(node):
            continue
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
                if _text(_field_default(statement.value)).endswith(_CONFIGURATIONS):  # a part, with fields of its own
                    continue
                yield Flag(
                    name=plain_name(statement.target.id),
                    default=_resolved(source, _field_default(statement.value)),
                    type=_text(statement.annotation),
                    style="dataclass",
                    place=source.place(statement.lineno),
                )


def _is_configuration(node: ast.ClassDef) -> bool:
    decorated = any(_last(one.func if isinstance(one, ast.Call) else one) == "dataclass" for one in node.decorator_list)
    derived = any(_last(base).endswith(_ARGUMENT_CLASSES) for base in node.bases)
    return derived or (decorated and node.name.endswith(_CONFIGURATIONS))


def _field_default(value: ast.expr) -> ast.expr | None:
    """The default inside ``field(default=...)`` and the like, else the value itself."""
    if not isinstance(value, ast.Call):
        return value
    given = {word.arg: word.value for word in value.keywords}
    first = value.args[0] if value.args and _last(value.func) == "Field" else None
    return given.get("default") or given.get("default_factory") or first


def _globals(source: Source) -> Iterator[Flag]:
    """Plain module-level names of a script that hands its globals to a configurator, up to where it does so."""
    seen: dict[str, Flag] = {}
    for statement in source.tree.body:
        if _configures(statement):
            yield from seen.values()
            return
        target, value = _assigned(statement)
        if target and value is not None and not target.startswith("_") and _is_plain(value):
            place = source.place(statement.lineno)
            seen.setdefault(target, Flag(name=target, default=_text(value), type="", style="global", place=place))


def _configures(statement: ast.stmt) -> bool:
    """Whether a statement executes a configuration file over the globals, or hands them out to be changed."""
    return any(
        isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id == "exec")
            or any(isinstance(one, ast.Call) and _last(one.func) == "globals" for one in node.args)
        )
        for node in ast.walk(statement)
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef)
    )


def _assigned(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id, statement.value
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id, statement.value
    return "", None


def _is_plain(value: ast.expr) -> bool:
    """Whether a value is a literal, arithmetic on literals, or a choice between literals."""
    if isinstance(value, ast.IfExp):
        return _is_plain(value.body) and _is_plain(value.orelse)
    return all(isinstance(node, _LITERAL) for node in ast.walk(value))


def _resolved(source: Source, value: ast.expr | None) -> str:
    """Source text of a default; of a name that the module gives a literal, or of a field of a class in it, that."""
    meant = None
    if isinstance(value, ast.Name):
        meant = _meant(source.tree.body, value.id)
    elif isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name):
        meant = _field_of(source, value.value.id, value.attr)
    return _text(meant if meant is not None and _is_plain(meant) else value)


def _meant(statements: list[ast.stmt], name: str) -> ast.expr | None:
    """What ``name`` is set to first among ``statements``, alone or with others."""
    single = (_assigned(statement) for statement in statements)
    several = (pair for statement in statements for pair in _unpacked(statement))
    return next((value for target, value in (*single, *several) if target == name), None)


def _unpacked(statement: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """``a, b = 1, 2``, one by one."""
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Tuple):
        for target in statement.targets:
            if isinstance(target, ast.Tuple) and len(target.elts) == len(statement.value.elts):
                yield from ((_last(one), value) for one, value in zip(target.elts, statement.value.elts, strict=True))


def _field_of(source: Source, holder: str, name: str) -> ast.expr | None:
    """The default of field ``name`` of the class that ``holder`` is made of, without arguments, wherever that is."""
    made = (_assigned(node) for node in ast.walk(source.tree) if isinstance(node, ast.stmt))
    kinds = {_last(value.func) for target, value in made if target == holder and _is_bare_call(value)}
    for node in source.tree.body:
        if isinstance(node, ast.ClassDef) and kinds == {node.name}:
            default = _meant(node.body, name)
            return None if default is None else _field_default(default)
    return None


def _is_bare_call(value: ast.expr | None) -> TypeGuard[ast.Call]:
    return isinstance(value, ast.Call) and not value.args and not value.keywords


def _last(node: ast.expr) -> str:
    """The last name of ``a.b.c``."""
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript):
        return _last(node.value)
    return node.id if isinstance(node, ast.Name) else ""


def _text(node: ast.expr | None) -> str:
    return "" if node is None else ast.unparse(node)
