"""Hearing calls of public functions and methods: the outermost of a family, in every class that overrides one."""

import functools
import threading
from collections.abc import Callable
from typing import Any, Final

from ..patches import Patches

Heard = Callable[..., None]

UNSEEN: Final = "<parity, like importlib._bootstrap>"
"""File of the functions put in place of others. By these two words Python does not count their frames as callers, so
that a warning still names the line of the program."""


class Family:
    """Functions that call one another: only the outermost call of each thread is heard.

    ``torch.manual_seed`` seeds the accelerators through ``torch.cuda.manual_seed_all``; a composite scheduler steps its
    parts; a method of a subclass calls that of its base. Inside a graph that torch is compiling nothing is heard.
    """

    def __init__(self, patches: Patches) -> None:
        self._patches = patches
        self._local = threading.local()

    def hear(self, owner: Any, name: str, *, before: Heard | None = None, after: Heard | None = None) -> None:
        """Replace ``owner.name``; ``before`` is told the arguments of a call, ``after`` its result and them."""
        from torch.compiler import is_compiling

        original = vars(owner)[name]
        local = self._local

        @functools.wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            if is_compiling() or getattr(local, "inside", False):
                return original(*args, **kwargs)
            local.inside = True
            try:
                if before is not None:
                    before(*args, **kwargs)
                result = original(*args, **kwargs)
            finally:
                local.inside = False
            if after is not None:
                after(result, *args, **kwargs)
            return result

        placed: Any = call
        placed.__code__ = placed.__code__.replace(co_filename=UNSEEN)
        self._patches.put(owner, name, placed)

    def hear_overrides(self, base: Any, name: str, *, before: Heard) -> None:
        """Hear method ``name`` of ``base`` and of all its subclasses, those that the program defines later too."""

        def own(kind: Any) -> None:
            if callable(vars(kind).get(name)):
                self.hear(kind, name, before=before)

        def every(kind: Any) -> None:
            own(kind)
            for each in type.__subclasses__(kind):
                every(each)

        def __init_subclass__(kind: Any, /, **kwargs: Any) -> None:  # noqa: N807
            inherited(kind, **kwargs)
            own(kind)

        inherited = _inherited_hook(base)
        every(base)
        self._patches.put(base, "__init_subclass__", classmethod(__init_subclass__))


def _inherited_hook(base: Any) -> Callable[..., None]:
    """What defining a subclass of ``base`` calls without us."""
    declared = vars(base).get("__init_subclass__")
    if declared is not None:
        return declared.__func__  # type: ignore[no-any-return]
    return lambda kind, **kwargs: super(base, kind).__init_subclass__(**kwargs)
