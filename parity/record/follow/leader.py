"""The side that is followed: it states what it holds at every boundary, and changes nothing."""

from collections.abc import Callable
from typing import Any

from ...trace.digests import content, plain
from ..probes.roots import kind_of
from .ring import Ring
from .windows import Fact, WindowWriter

ROLE = "leader"


class Leader:
    """Writes one window after the other, and waits where the follower has not yet taken the earlier ones."""

    def __init__(self, listener: Any, ring: Ring, free: int | None) -> None:
        self._listener = listener
        self._ring = ring
        self._free = free
        self._writer: WindowWriter | None = None
        self._held: frozenset[int] = frozenset()
        self._speaks: bool | None = None
        self.alone = ""

    def meet(self, what: str, key: str, tensor: Any, digest: int, like: Any = None) -> Any:  # noqa: ARG002
        """State what a tensor holds; None stands for none."""
        if tensor is None:
            self._state(key, Fact(0, None))
        else:
            whole = plain(tensor)
            self._state(key, Fact(digest, kind_of(tensor)), lambda: content(whole) if whole.nbytes else b"")

    def meet_value(self, what: str, key: str, value: Any) -> Any:  # noqa: ARG002
        """State a plain value."""
        self._state(key, Fact(0, value))

    def look(self, key: str, value: Any) -> Any:
        """State a plain value that is not simply replaced."""
        self._state(key, Fact(0, value))

    def meet_state(self, what: str, key: str, digest: int, capture: Callable[[], bytes]) -> Any:  # noqa: ARG002
        """State where something stands whose state ``capture`` writes down; 0 is a state that nobody needs."""
        self._state(key, Fact(digest, "state"), capture if digest else None)

    def name(self, own: str) -> str:
        """The reference's name of a parameter."""
        return own

    def lets_go(self) -> bool:
        """Whether the gradients of this update are left as the last backward leaves them, for somebody to look at."""
        return bool(self._listener.update == self._free)

    def unforced(self, what: str, reason: str) -> None:
        """Nothing is forced on this side."""

    def close(self) -> None:
        """The update is over: let the follower read."""
        if self._writer is not None:
            try:
                self._held, self._writer = self._writer.close(), None
            except OSError as error:
                self.leave(_unwritable(error))

    def leave(self, reason: str) -> None:
        """Publish no more."""
        if not self.alone:
            self.alone = reason
            self._listener.note({"follow": {"alone": reason, "update": self._listener.update}})
            if self._writer is not None:
                self._writer.discard()
                self._writer = None
            if self._speaks:
                self._ring.end(ROLE, reason)

    def finish(self) -> None:
        """The program is at its end."""
        if self._speaks and not self.alone:
            self._ring.end(ROLE, "the reference ended")

    def _state(self, key: str, fact: Fact, source: Callable[[], Any] | None = None) -> None:
        if self._speaks is None:
            self._speaks = self._ring.claim(ROLE)
        if not self._speaks or self.alone:
            return
        reason = self._ring.room(self._listener.update) if self._writer is None else ""
        if reason:
            self.leave(reason)
            return
        try:
            if self._writer is None:
                self._writer = WindowWriter(self._ring.path(self._listener.update), self._held)
            self._writer.add(key, fact, source)
        except OSError as error:
            self.leave(_unwritable(error))


def _unwritable(error: OSError) -> str:
    return f"the reference's state cannot be written: {error}"
