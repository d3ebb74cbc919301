"""The effective configuration: argparse results, configuration objects on the stack, and globals of the script."""

import argparse
import dataclasses
import functools
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final

CHANNELS: Final = ("config", "config_source")
SEAM: Final = "patch of ArgumentParser.parse_known_args; frames of the first training forward"
BLIND: Final = "configuration held in objects of other kinds"
_SIMPLE: Final = (bool, int, float, str, type(None))
_LONGEST: Final = 300
_MOST_KEYS: Final = 2000


def install(listener: Any) -> None:
    """Take the configuration at the first training forward, or at the end where there is none."""
    parsed: list[argparse.Namespace] = []
    original = argparse.ArgumentParser.parse_known_args

    @functools.wraps(original)
    def parse_known_args(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        if result and result[0] not in parsed:
            parsed.append(result[0])
        return result

    argparse.ArgumentParser.parse_known_args = parse_known_args  # type: ignore[method-assign]
    done: list[bool] = []

    def observe(*_: Any) -> None:
        if done:
            return
        done.append(True)
        seen: set[str] = set()
        for holder, values in _holders(listener, parsed):
            taken = {key: text for key, text in values if key not in seen}
            if taken:
                listener.observe("config_source", f"{len(taken)} keys", holder)
            for key, text in list(taken.items())[:_MOST_KEYS]:
                listener.observe("config", listener.places.neutral(text)[:_LONGEST], key)
            seen.update(taken)

    listener.on("update_begins", "configuration", observe)
    listener.on("finish", "configuration", observe)


def _holders(listener: Any, parsed: list[argparse.Namespace]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for namespace in parsed:
        yield "argparse", _simple(vars(namespace))
    for value in _configurations(listener):
        yield f"dataclass {type(value).__name__}", _fields(value)
    main = vars(sys.modules["__main__"])
    public = {key: value for key, value in main.items() if not key.startswith("_")}
    yield "globals of the script", _simple(public)


def _configurations(listener: Any) -> Iterator[Any]:
    """Dataclass instances in the frames of the program, outermost first, and in the attributes of its own objects.

    Only types are looked at before that: touching an attribute of a stranger's object may run code or print a warning.
    """
    frames = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not listener.places.is_foreign(frame.f_code.co_filename):
            frames.append(frame)
        frame = frame.f_back
    seen: set[int] = set()
    for frame in reversed(frames):
        held = list(frame.f_locals.values())
        inside = (item for each in held if _is_own(listener, each) for item in vars(each).values())
        for value in (*held, *inside):
            if _is_dataclass(value) and id(value) not in seen:
                seen.add(id(value))
                yield value


def _is_own(listener: Any, value: Any) -> bool:
    """Whether ``value`` is a plain object of a class that the program itself defines."""
    module = sys.modules.get(type(value).__module__)
    file = getattr(module, "__file__", None) if module is not None else None
    return isinstance(file, str) and not listener.places.is_foreign(file) and "__dict__" in type(value).__dict__


def _is_dataclass(value: Any) -> bool:
    return hasattr(type(value), "__dataclass_fields__")


def _fields(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Leaf fields of a dataclass; nested ones by their own name, with their path where two share a name."""
    found: dict[str, str] = {}
    for field in dataclasses.fields(value):
        item = getattr(value, field.name, None)
        if _is_dataclass(item):
            for key, text in _fields(item, f"{prefix}{field.name}."):
                found[f"{prefix}{field.name}.{key}" if key in found else key] = text
        elif _is_simple(item):
            found[field.name] = _text(item)
    return list(found.items())


def _simple(values: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key, _text(value)) for key, value in values.items() if _is_simple(value)]


def _text(value: Any) -> str:
    """A value as text; whether a sequence is a list or a tuple makes no difference to a configuration."""
    return repr(list(value)) if isinstance(value, tuple) else repr(value)


def _is_simple(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return len(value) <= 20 and all(isinstance(item, _SIMPLE) for item in value)
    return isinstance(value, _SIMPLE)
