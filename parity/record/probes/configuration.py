"""The effective configuration: argparse results, configuration objects on the stack, and globals of the script."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any, Final

from .calls import Family
from .holders import holder_of, plain_values, simple_values

CHANNELS: Final = ("config", "config_source")
SEAM: Final = (
    "patch of ArgumentParser.parse_known_args; frames of the first training forward: dataclasses, pydantic models, "
    "OmegaConf, namespaces, dictionaries named like a configuration; what wandb and trackio are given"
)
BLIND: Final = "configuration held in objects of other kinds; interpolations of OmegaConf stay as they are written"
_LONGEST: Final = 300
_OPTIMIZED: Final = 1  # inspect.CO_OPTIMIZED: the frame of a function, not of a module
_OWN_REFERENCES: Final = 3
_MOST_KEYS: Final = 2000

Held = tuple[str, Mapping[str, str]]


def install(listener: Any) -> None:
    """Take the configuration at the first training forward, or at the end where there is none."""
    parsed: list[argparse.Namespace] = []
    given: list[Held] = []
    done: list[bool] = []

    def take_parsed(result: Any) -> None:
        if not any(result[0] is known for known in parsed):
            parsed.append(result[0])

    def take_given(holder: str, values: Mapping[str, Any]) -> None:
        given.append((f"given to {holder}", plain_values(dict(values))))

    def observe(*_: Any) -> None:
        if done:
            return
        done.append(True)
        seen: set[str] = set()
        for holder, values in (*_holders(listener, parsed), *given):
            taken = {key: text for key, text in values.items() if key not in seen}
            if taken:
                listener.observe("config_source", f"{len(taken)} keys", holder)
            for key, text in list(taken.items())[:_MOST_KEYS]:
                listener.observe("config", listener.places.neutral(text)[:_LONGEST], key)
            seen.update(taken)

    def told(result: Any, *_: Any, **__: Any) -> None:
        listener.emit("arguments_parsed", result)

    Family(listener.patches).hear(argparse.ArgumentParser, "parse_known_args", after=told)
    listener.on("arguments_parsed", "configuration", take_parsed)
    listener.on("configuration_given", "configuration", take_given)
    listener.on("update_begins", "configuration", observe)
    listener.on("finish", "configuration", observe)


def _holders(listener: Any, parsed: list[argparse.Namespace]) -> Iterator[Held]:
    """Every holder with its values, the most telling first: a key belongs to the first that has it."""
    known = {id(namespace) for namespace in parsed}
    for namespace in parsed:
        yield "argparse", simple_values(vars(namespace))
    dictionaries: list[Held] = []
    for name, value in _candidates(listener):
        holder = holder_of(name, value)
        if holder and id(value) not in known:
            known.add(id(value))
            if holder.startswith("dictionary"):
                dictionaries.append((holder, plain_values(value)))
            else:
                yield holder, plain_values(value)
    main = vars(sys.modules["__main__"])
    yield "globals of the script", simple_values({key: item for key, item in main.items() if not key.startswith("_")})
    yield from dictionaries


def _candidates(listener: Any) -> Iterator[tuple[str, Any]]:
    """Variables in the frames of the program, outermost first, and the attributes of its own objects in them."""
    frames = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not listener.places.is_foreign(frame.f_code.co_filename):
            frames.append(frame)
        frame = frame.f_back
    for frame in reversed(frames):
        held = _variables(frame)
        yield from held
        for _, value in held:
            if _is_own(listener, value):
                yield from list(vars(value).items())


def _variables(frame: FrameType) -> list[tuple[str, Any]]:
    """The variables of ``frame``.

    Before Python 3.13 a function's frame keeps the dictionary that it was asked for, and with it every object in it,
    the first batch among them. It is emptied again, unless the program holds it too, from ``locals()``.
    """
    names = frame.f_locals
    held = list(names.items())
    if sys.version_info < (3, 13) and frame.f_code.co_flags & _OPTIMIZED and sys.getrefcount(names) <= _OWN_REFERENCES:
        names.clear()
    return held


def _is_own(listener: Any, value: Any) -> bool:
    """Whether ``value`` is a plain object of a class that the program itself defines."""
    module = sys.modules.get(type(value).__module__)
    file = getattr(module, "__file__", None) if module is not None else None
    return isinstance(file, str) and not listener.places.is_foreign(file) and "__dict__" in type(value).__dict__
