"""Typed configurations: frozen dataclasses in groups, overridden by Python files and ``--key=value``.

A configuration is a frozen dataclass whose fields are groups, themselves frozen dataclasses whose fields are made by
``option``. The groups order the documentation; on the command line the keys form one flat list.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from trainers.common.errors import ConfigError
from trainers.common.overrides import read_overrides

ValueT = TypeVar("ValueT")


class Configuration(Protocol):
    """A frozen dataclass of groups that can say what is wrong with its values."""

    __dataclass_fields__: typing.ClassVar[dict[str, Any]]

    def problems(self) -> Iterator[str]:
        """Give one sentence per value, or combination of values, that makes no sense."""
        ...


ConfigT = TypeVar("ConfigT", bound=Configuration)


def option(help_text: str, *, default: ValueT) -> ValueT:
    """Declare one key of a group: one line about it and its default."""
    return dataclasses.field(default=default, metadata={"help": help_text})


@dataclass(frozen=True, kw_only=True)
class Option:
    """One key as the command line sees it."""

    key: str
    group: str
    accepted: tuple[type, ...]
    items: type | None
    """What lists hold."""
    default: object
    help_text: str

    def problem_with(self, value: object) -> str | None:
        """Say why ``value`` cannot be taken, or None. Types have to match exactly: a 1 is neither 1.0 nor True."""
        is_accepted = type(value) in self.accepted
        if is_accepted and isinstance(value, list):
            is_accepted = self.items is not None and all(isinstance(item, self.items) for item in value)
        if is_accepted:
            return None
        expected = " or ".join("None" if kind is types.NoneType else kind.__name__ for kind in self.accepted)
        return f"{self.key} is {value!r}, expected {expected} (for example {self.key}={self.default!r})"


def options_of(config_type: type[Configuration]) -> dict[str, Option]:
    """List all keys of a configuration by name, group by group."""
    table: dict[str, Option] = {}
    for group_name, group_type in typing.get_type_hints(config_type).items():
        if group_name not in config_type.__dataclass_fields__:
            continue
        hints = typing.get_type_hints(group_type)
        for field in dataclasses.fields(group_type):
            assert field.name not in table, f"{field.name} is declared in two groups"
            table[field.name] = Option(
                key=field.name,
                group=group_name,
                accepted=_accepted_types(hints[field.name]),
                items=_item_type(hints[field.name]),
                default=list(field.default) if isinstance(field.default, tuple) else field.default,
                help_text=field.metadata["help"],
            )
    return table


def _accepted_types(hint: object) -> tuple[type, ...]:
    """Tell the exact types that an override may have; a tuple in the dataclass is a list on the command line.

    A mapping is a dictionary there; what it holds is for whoever takes it to check.
    """
    if isinstance(hint, types.UnionType):
        return tuple(kind for member in typing.get_args(hint) for kind in _accepted_types(member))
    if typing.get_origin(hint) is tuple:
        return (list,)
    if typing.get_origin(hint) is Mapping:
        return (dict,)
    assert isinstance(hint, type), f"options cannot have the type {hint}"
    return (hint,)


def _item_type(hint: object) -> type | None:
    """Tell what the items of a list have to be; None for anything but a list."""
    if typing.get_origin(hint) is not tuple:
        return None
    item = typing.get_args(hint)[0]
    kind = typing.get_origin(item) or item
    assert isinstance(kind, type), f"lists cannot hold {item}"
    return kind


def build_config(config_type: type[ConfigT], values: Mapping[str, object]) -> ConfigT:
    """Make a configuration of the defaults, but for ``values``, which have to be of the accepted types."""
    hints = typing.get_type_hints(config_type)
    chosen: dict[str, dict[str, object]] = {field.name: {} for field in dataclasses.fields(config_type)}
    for key, entry in options_of(config_type).items():
        if key in values:
            value = values[key]
            chosen[entry.group][key] = tuple(value) if isinstance(value, list) else value
    return config_type(**{name: hints[name](**group_values) for name, group_values in chosen.items()})


def parse_command_line(config_type: type[ConfigT], arguments: Sequence[str]) -> tuple[ConfigT, frozenset[str]]:
    """Read the configuration that the command line asks for, and which keys somebody has set there or in a file.

    Raises:
        ConfigError: with every problem there is, whether a key is unknown, a type wrong, or a value senseless.
    """
    table = options_of(config_type)
    values, problems = read_overrides(arguments, {key: entry.default for key, entry in table.items()})
    sound: dict[str, object] = {}
    for key, value in values.items():
        problem = table[key].problem_with(value)
        if problem is None:
            sound[key] = value
        else:
            problems.append(problem)
    config = build_config(config_type, sound)
    problems.extend(config.problems())
    if problems:
        raise ConfigError(problems)
    return config, frozenset(values)


def flatten(config: Configuration) -> dict[str, object]:
    """List all keys and values in the order of declaration."""
    return {
        field.name: getattr(group, field.name)
        for group in (getattr(config, entry.name) for entry in dataclasses.fields(config))
        for field in dataclasses.fields(group)
    }


def describe(config: Configuration) -> Iterator[str]:
    """Show the configuration in force, one line per key; what is not a default is marked."""
    table = options_of(type(config))
    for key, value in flatten(config).items():
        shown = list(value) if isinstance(value, tuple) else value
        default = table[key].default
        yield f"config {key} = {shown!r}" + ("" if shown == default else f" (default {default!r})")


def help_lines(config_type: type[Configuration]) -> Iterator[str]:
    """List one line per key with its default, under the name of its group."""
    group = None
    for entry in options_of(config_type).values():
        if entry.group != group:
            group = entry.group
            yield f"\n{group.replace('_', ' ')}:"
        yield f"  --{entry.key}={entry.default!r}\n      {entry.help_text}"
