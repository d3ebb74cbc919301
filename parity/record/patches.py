"""Everything that the recorder puts in the place of something else in a process, and how it is taken out again.

A recorded program ends with its recorder and undoes nothing. A block of code that is recorded in a process which goes
on leaves that process as it was.

Loaded inside recorded programs: the standard library only.
"""

import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, Final

Undo = Callable[[], None]
Hook = Callable[[str, Any], None]

_ABSENT: Final = object()
_OWN: Final = frozenset({"torch", "random", "signal", __name__.partition(".")[0]})
_auditors: list[Hook] = []
_audited: list[bool] = []


class Patches:
    """Attributes that were replaced and hooks that were set, in order."""

    def __init__(self) -> None:
        self._undoing: list[Undo] = []
        self._functions: dict[int, tuple[Any, Any]] = {}

    def put(self, owner: Any, name: str, value: Any) -> None:
        """Set ``owner.name``; taken out, it is the very object that was there before, or nothing."""
        original, seen = _held(owner, name), getattr(owner, name, None)
        setattr(owner, name, value)
        ours = _held(owner, name)
        if isinstance(owner, ModuleType) and callable(original):
            self._functions[id(original)] = original, ours
        # What stands in for a stream may keep the attribute elsewhere.
        self._undoing.append(
            partial(setattr, owner, name, seen) if ours is _ABSENT else partial(_restore, owner, name, ours, original)
        )

    def afterwards(self, undo: Undo) -> None:
        """Call ``undo`` when everything is taken out."""
        self._undoing.append(undo)

    def audit(self, hook: Hook) -> None:
        """Tell ``hook`` of every audit event.

        Python keeps an audit hook for as long as the process lives: there is one, which passes events on.
        """
        _auditors.append(hook)
        self.afterwards(partial(_auditors.remove, hook))
        if not _audited:
            _audited.append(True)
            sys.addaudithook(_pass_on)

    def spread(self) -> None:
        """Reach the modules that have a function under a name of their own, from an import before it was replaced.

        Torch's own modules are left as they are: what they call of each other is no call of the program.
        """
        for module in [one for name, one in list(sys.modules.items()) if name.partition(".")[0] not in _OWN]:
            for name, value in list(getattr(module, "__dict__", {}).items()):
                original, ours = self._functions.get(id(value), (None, None))
                while id(ours) in self._functions:
                    ours = self._functions[id(ours)][1]
                if original is not None:
                    self.put(module, name, ours)

    def take_out(self) -> None:
        """Undo everything, the last first. What somebody else has put over ours since stays in its place."""
        while self._undoing:
            self._undoing.pop()()
        self._functions.clear()


def _held(owner: Any, name: str) -> Any:
    """What ``owner`` itself keeps under ``name``, before any descriptor has its say."""
    return getattr(owner, "__dict__", {}).get(name, _ABSENT)


def _restore(owner: Any, name: str, ours: Any, original: Any) -> None:
    if _held(owner, name) is not ours:
        return
    if original is _ABSENT:
        delattr(owner, name)
    else:
        setattr(owner, name, original)


def _pass_on(event: str, args: Any) -> None:
    for hook in _auditors:
        hook(event, args)
