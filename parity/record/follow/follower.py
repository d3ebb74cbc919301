"""The side that follows: it judges its own value first, and takes over the reference's only where they differ."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..probes.roots import kind_of
from .absence import ABSENT
from .ring import Ring
from .windows import Contents, Fact, Window

ROLE: Final = "follower"
_MATCHED: Final = frozenset({"inputs", "outputs", "output gradients", "evaluation inputs"})
"""What is found by position. What is found by name and is not there is missing or extra in the traces as well."""


class Follower:
    """Reads one window after the other; counts every write, and says what could not be taken over and why."""

    def __init__(self, listener: Any, ring: Ring, free: int | None, names: Mapping[str, str]) -> None:
        self._listener = listener
        self._ring = ring
        self._free = free
        self._names = {candidate: reference for reference, candidate in names.items()}
        self._window: Window | None = None
        self._at: int | None = None
        self._writes: Counter[str] = Counter()
        self._unforced: dict[str, str] = {}
        self._total: Counter[str] = Counter()
        self._speaks: bool | None = None
        self.alone = ""

    def meet(self, what: str, key: str, tensor: Any, digest: int, like: Any = None) -> Any:
        """The reference's tensor where it is another one, ``ABSENT`` where it has none, None where nothing is to do.

        ``like`` has the dtype and shape to be, where ``tensor`` is None. The result is a view of the window: copy it.
        """
        fact = self._fact(what, key)
        if fact is None or fact.digest == digest:
            return None
        if fact.kind is None:
            return self._count(what, ABSENT)
        model = like if tensor is None else tensor
        if kind_of(model) != fact.kind:
            return self.unforced(what, f"{kind_of(model)} where the reference has {fact.kind}")
        if str(model.layout) != "torch.strided" or hasattr(model, "to_local"):
            return self.unforced(what, "sparse or sharded")
        view = self._content(what, fact)
        return None if view is None else self._count(what, as_tensor(view, model))

    def meet_value(self, what: str, key: str, value: Any) -> Any:
        """The reference's plain value where it is another one, else None."""
        fact = self._fact(what, key)
        if fact is None or fact.kind == value:
            return None
        return self._count(what, fact.kind)

    def look(self, key: str, value: Any) -> Any:  # noqa: ARG002
        """The reference's plain value, or None; whoever asks counts what he writes."""
        fact = self._fact("", key)
        return None if fact is None else fact.kind

    def meet_state(self, what: str, key: str, digest: int, capture: Callable[[], bytes]) -> Any:  # noqa: ARG002
        """The reference's state, written down, where it is another one that can be had, else None."""
        fact = self._fact(what, key)
        if fact is None or fact.digest in (0, digest):
            return None
        view = self._content(what, fact)
        return None if view is None else self._count(what, bytes(view))

    def name(self, own: str) -> str:
        """The reference's name of a parameter of this program."""
        return self._names.get(own, own)

    def facts(self, prefix: str) -> dict[str, Fact]:
        """All facts of the present window whose key begins with ``prefix``."""
        window = self._present()
        return window.facts(prefix) if window is not None else {}

    def pieces(self, facts: Mapping[str, Fact]) -> list[memoryview]:
        """The contents of ``facts``."""
        return [self._window.contents[fact.digest] for fact in facts.values()] if self._window is not None else []

    def count(self, what: str) -> None:
        """One more value was taken over."""
        self._writes[what] += 1

    def lets_go(self) -> bool:
        """Whether the gradients of this update are left as the last backward leaves them, for somebody to look at."""
        return bool(self._listener.update == self._free)

    def unforced(self, what: str, reason: str) -> None:
        """Something of this update could not be taken over."""
        self._unforced.setdefault(what, reason)

    def close(self) -> None:
        """The update is over: say what was done in it."""
        if self._writes or self._unforced:
            done = {"update": self._listener.update, "writes": dict(self._writes), "unforced": self._unforced}
            self._listener.note({"follow": done})
        self._total.update(self._writes)
        self._writes = Counter()
        self._unforced = {}

    def leave(self, reason: str) -> None:
        """Follow no more."""
        if not self.alone:
            self.alone = reason
            self._listener.note({"follow": {"alone": reason, "update": self._listener.update}})
            if self._speaks:
                self._ring.end(ROLE, reason)

    def finish(self) -> None:
        """The program is at its end."""
        if self._speaks and not self.alone:
            self._ring.end(ROLE, "the candidate ended")
        self._listener.note({"follow": {"total": dict(self._total)}})

    def _count(self, what: str, value: Any) -> Any:
        self.count(what)
        return value

    def _fact(self, what: str, key: str) -> Fact | None:
        window = self._present()
        if window is None:
            return None
        fact = window.fact(key)
        if fact is None and what in _MATCHED:
            self.unforced(what, "the reference has none here")
        return fact

    def _content(self, what: str, fact: Fact) -> memoryview | None:
        view = self._window.contents.get(fact.digest) if self._window is not None else None
        if view is None:
            self.unforced(what, "the reference's value was not published")
        return view

    def _present(self) -> Window | None:
        """The window of the update that this program is at; None once it is alone."""
        if self._speaks is None:
            self._speaks = self._ring.claim(ROLE)
        update = self._listener.update
        if not self._speaks or self.alone or self._at == update:
            return None if self.alone or not self._speaks else self._window
        reason = self._ring.arrival(update)
        if reason:
            self.leave(reason)
            return None
        before: Contents = self._window.contents if self._window is not None else {}
        self._window, self._at = Window(self._ring.path(update), before), update
        return self._window


def as_tensor(view: memoryview, like: Any) -> Any:
    """A tensor over ``view`` with the dtype and shape of ``like``, on its device."""
    import torch

    if not like.numel():
        return torch.empty_like(like)
    flat = torch.frombuffer(view, dtype=like.dtype, count=like.numel())
    return flat.reshape(like.shape).to(like.device)
